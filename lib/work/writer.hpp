#pragma once
#include "work/model.hpp"
#include "work/session.hpp"
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace roleswap::work {

/// A run that has no row yet.
struct NewRun {
    enum class State : std::uint8_t { running, queued, skipped, interrupted, held };
    std::string task;
    std::string queue;
    std::string cause = "due"; ///< due, manual, reboot, again
    Instant due;
    std::optional<Instant> not_before; ///< of a due time with a jitter
    int priority = 0;
    State state = State::queued;
    std::string why;
    std::uint64_t ticket = 0; ///< of the verb that waits for its number; 0: none
    std::int64_t origin = 0;  ///< the run that it repeats, with its payload; 0: none
};

/// New runs in one transaction: more would hold the loop when they are written and committed.
inline constexpr std::size_t batch_runs_max = 250;

/// A waiting run for an agent.
struct Gift {
    std::int64_t id = 0;
    std::string agent;
};

/// A result that an agent has delivered.
struct Delivered {
    std::int64_t run = 0;
    std::int64_t attempt = 1;
    auto operator<=>(const Delivered&) const = default;
};

struct Note {
    std::string what;
    std::string why;
};

/// What one transaction writes.
struct Batch {
    std::vector<NewRun> inserts;
    std::vector<std::int64_t> promotes;         ///< queued -> running
    std::vector<Gift> gifts;                    ///< queued -> running, at an agent
    std::vector<Delivered> delivered;           ///< applied: they are in `ends`, or not wanted
    std::vector<std::int64_t> noops;            ///< queued -> ok: those without a process
    std::vector<nlohmann::json> ends;           ///< columns of the run rows that leave `running`
    std::vector<std::int64_t> followed;         ///< of those two, whose tasks others are after
    std::map<std::string, task::Time> last_due; ///< by task
    std::map<std::string, nlohmann::json> settings;
    std::vector<Note> notes;
    std::optional<bool> asleep; ///< whether who enqueues is to wake the engine
    std::uint64_t number = 0;
    bool empty() const;
    std::size_t runs() const; ///< that begin or end with it
};

/// A new row of a committed batch that is open: queued or running.
struct OpenRow {
    std::int64_t id = 0;
    std::string task;
    Instant due;
    bool running = false;
};

/// A run that was queued and is running now.
struct Claim {
    std::int64_t id = 0;
    std::string payload;     ///< JSON text; empty: none
    std::int64_t origin = 0; ///< the run that it comes of; 0: none
};

/// What a committed batch has made of the store.
struct Written {
    std::vector<OpenRow> inserted;
    std::vector<OpenRun> followers; ///< runs that ended ones brought
    std::vector<Claim> claimed;
    std::vector<std::int64_t> given; ///< runs that agents have now
};

/// Writes batches, one at a time: while a commit is on its way the next batch gathers.  A batch
/// whose commit failed or is in doubt is sent again after a reconnect under the same number, which
/// finds the rows that the first attempt made.  Pinned.
class Writer {
public:
    using OnCommitted = std::function<void(Batch, Written)>;
    Writer(event::Loop& loop, Session& session, OnCommitted on_committed,
           std::function<void(const std::string&)> on_trouble);

    /// The batch that is gathering; it is sent at the next turn of the loop.
    Batch& next();
    std::size_t gathering_claims() const
    {
        return gathering_.promotes.size() + gathering_.gifts.size() + gathering_.noops.size();
    }
    /// The session is up and everything was read.
    void resume();
    /// Sends nothing until `resume`; a commit under way is not taken back.
    void pause() { paused_ = true; }
    /// A batch that is not full waits for `send_what_there_is`: what belongs together gathers.
    void wait_for_more() { waits_ = true; }
    void send_what_there_is();
    /// Nothing gathers and nothing is under way.
    bool idle() const { return !sending_ && gathering_.empty() && current_.empty(); }

private:
    void send();
    event::Duration gather_time() const;
    void not_committed(const pg::Outcome& outcome);
    Session& session_;
    OnCommitted on_committed_;
    std::function<void(const std::string&)> on_trouble_;
    Batch gathering_;
    Batch current_;            ///< under way, or waiting to be sent again
    bool sent_before_ = false; ///< that: the store may have it already
    std::uint64_t number_;
    bool sending_ = false;
    bool paused_ = true;
    bool waits_ = false;
    std::array<event::Duration, 4> sent_{}; ///< when the latest batches were, the newest last
    event::Deferred later_;
    event::Timer again_;
    event::Timer gathered_;
};

/// RFC 3339 with microseconds, for parameters and for tasks.
std::string to_text(Instant time);
Instant now();
/// The due time of a run that somebody asks for here: an even microsecond, see schema 18.
Instant due_now();

} // namespace roleswap::work
