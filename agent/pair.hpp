#pragma once
#include "config.hpp"
#include "journal.hpp"
#include "pg/connection.hpp"
#include "spool.hpp"
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace roleswap::agent {

/// A run that the pair has given to this agent.
struct Given {
    Key key;
    std::string task;
    std::int64_t due_us = 0;   ///< since 1970
    bool kill = false;         ///< an operator wants it ended
    nlohmann::json definition; ///< null: its task was removed
    std::string payload;       ///< JSON text; empty: none
};

struct Finished {
    Key key;
    nlohmann::json result;
};

/// The pair as the agent sees it: a session with whichever node takes writes, found again by itself
/// after a swap or a takeover.  A node whose epoch is older than one that was seen before is an old
/// master that does not know it, and gets nothing.  Everything that is asked may be asked again.
/// Pinned.
class Pair {
public:
    struct Callbacks {
        std::function<void()> on_ready; ///< a new session; `take` has been asked
        std::function<void(std::vector<Given>)> on_given;
        /// The pair holds these on both nodes; `kept` are those that it had not had before.
        std::function<void(const std::vector<Key>& all, const std::vector<Key>& kept)> on_delivered;
    };
    Pair(event::Loop& loop, const Config& config, Spool& spool, const Journal& journal);
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;

    void begin(Callbacks callbacks);
    bool ready() const { return ready_; }
    std::uint64_t epoch() const { return epoch_; }
    const std::string& master() const { return master_; }
    /// One delivery at a time; answered by `on_delivered`, or not at all where the session ends.
    void deliver(const std::vector<Finished>& finished);

private:
    enum class Which : std::uint8_t { fresh, all };
    void came_up();
    void went_down(const std::string& why);
    void ask(pg::Query query, std::function<void(const pg::Result&)> done);
    void greeted(const pg::Result& result);
    void accepted();
    void take(Which which);
    void taken(const pg::Result& result);
    void delivered(const pg::Result& result);
    void begin_anew(const std::string& why);
    void lost(const std::string& why);

    const Config& config_;
    Spool& spool_;
    const Journal& journal_;
    Callbacks callbacks_;
    std::size_t first_ = 0; ///< address that is tried first
    bool ready_ = false;
    std::size_t asked_ = 0; ///< questions without an answer
    std::uint64_t epoch_ = 0;
    std::string master_;
    std::optional<event::Duration> told_at_; ///< when it was told that there is no session
    event::Timer beat_;
    event::Timer answer_limit_;
    event::Timer again_;
    pg::Connection connection_;
};

} // namespace roleswap::agent
