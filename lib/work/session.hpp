#pragma once
#include "core/types.hpp"
#include "pg/connection.hpp"
#include "work/engine.hpp"
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace roleswap::work {

/// The class of errors that roleswap's own functions raise.
inline constexpr const char* superseded_sqlstate = "RS001";

/// The engine's connection to the store of one epoch: keeps it up, makes the schema, claims the
/// epoch, and carries queries whose answers become answers of verbs.  Pinned; made anew for each
/// epoch, and destroying it means that nothing is written any more.
class Session {
public:
    struct Who {
        core::Epoch epoch = 0;
        std::string node;
    };
    struct Callbacks {
        /// The connection is up, schema and epoch are right: read everything (again).
        std::function<void()> on_up;
        std::function<void()> on_down;
        std::function<void()> on_wake;   ///< a run was enqueued
        std::function<void()> on_result; ///< an agent has come or has delivered
        std::function<void(const std::string&)> on_trouble;
        std::function<void(const std::string&)> on_superseded; ///< may destroy the session
    };
    using Done = std::function<nlohmann::json(std::vector<pg::Result>&)>;

    Session(event::Loop& loop, Who who, std::string conninfo, Callbacks callbacks);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    /// Answers the verbs that still wait: not master.
    ~Session();

    bool up() const { return up_; }
    const Who& who() const { return who_; }
    std::size_t pending() const { return connection_.pending(); }

    /// A transaction that the store refuses under another epoch; the results are those of
    /// `queries`.
    void write(std::vector<pg::Query> queries, pg::Connection::OnOutcome on_outcome);
    /// The same for a verb: `done` makes its answer, everything else is answered here.
    void write(std::vector<pg::Query> queries, Reply reply, Done done);
    void read(pg::Query query, Reply reply, Done done);
    /// The same for what may take long, such as a look through millions of runs: on a connection of
    /// its own, which is made when it is first asked, so that no other work waits behind it.
    void read_aside(pg::Query query, Reply reply, Done done);
    /// Wakes who listens on `channel`.  In a transaction of its own: in one that writes it would
    /// make commits wait for each other.  May be lost; a timer of the listener backs it up.
    void tell(const std::string& channel, const std::string& text);
    /// The store is not sure about a commit: begin again with `on_up`.
    void reconnect();
    /// The store refused: begin again with `on_up` after a while.
    void retry(const std::string& why);

private:
    void came_up();
    void woken(const std::string& channel);
    void went_down(const std::string& why);
    void migrated(const std::string& trouble);
    void claim();
    void trouble(const std::string& why);
    bool check_superseded(const pg::Failed* failed);
    void read_on(pg::Connection& connection, pg::Query query, Reply reply, Done done);
    void answer(std::uint64_t ticket, const pg::Outcome& outcome);
    Reply take(std::uint64_t ticket);

    Who who_;
    Callbacks callbacks_;
    bool up_ = false;
    bool claimed_ = false;
    std::map<std::uint64_t, Reply> replies_;
    std::uint64_t tickets_ = 0;
    event::Timer again_;
    pg::Connection connection_;
    pg::Connection aside_;
};

} // namespace roleswap::work
