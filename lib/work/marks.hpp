#pragma once
#include "work/session.hpp"
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace roleswap::work {

/// One mark of an item, for roleswap.memory_mark.
struct Mark {
    std::int64_t run = 0;
    int attempt = 1;
    std::string mark; ///< begin_hold, begin_redo, begin_skip, done, failed
    std::string item;
};

/// The marks of one verb; `reply.done` gets {"states": [TEXT]} for the marks from `told` on.
struct MarkOrder {
    std::vector<Mark> marks;
    std::size_t told = 0;
    Reply reply;
};

/// Marks of one verb, and of one commit but for the last verb in it.
inline constexpr std::size_t marks_max = 1000;

/// Writes the marks of all runs, one commit at a time: those that come meanwhile share the next.  A
/// commit in doubt is sent again after a reconnect, which gives the same answers; a refused one is
/// answered as not done.  Pinned; destroying it answers who waits: not master.
class Marks {
public:
    Marks(event::Loop& loop, Session& session);
    Marks(const Marks&) = delete;
    Marks& operator=(const Marks&) = delete;
    ~Marks();

    void add(MarkOrder order);
    /// The session is up and everything was read.
    void resume();
    /// Sends nothing until `resume`; a commit under way is not taken back.
    void pause() { paused_ = true; }
    std::size_t waiting() const { return gathering_.size() + current_.size(); }

private:
    void send();
    void take();
    void answered(const pg::Outcome& outcome);
    void committed(const pg::Result& states);

    Session& session_;
    std::deque<MarkOrder> gathering_;
    std::vector<MarkOrder> current_; ///< under way, or to be sent again
    bool sending_ = false;
    bool paused_ = true;
    event::Deferred later_;
};

/// House-keeping: what is left of runs that are gone, at most some ten thousand items at a time.
std::vector<pg::Query> prune_memory_queries();

} // namespace roleswap::work
