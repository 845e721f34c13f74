#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include "pg/result.hpp"
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace roleswap::pg {

/// One SQL statement; parameters $1... as text, nullopt is NULL.  A statement that is used again
/// is prepared by itself on its second use, under its text.
struct Query {
    std::string sql;
    std::vector<std::optional<std::string>> params{};
};

struct Options {
    /// Keyword text for PQconnectStart.  Hosts as addresses or socket folders only: a name would
    /// block the loop while it is looked up.
    std::string conninfo;
    /// An attempt to connect is given up after this.
    event::Duration connect_timeout = std::chrono::seconds(5);
    /// Wait before connecting again: starts here and doubles up to `retry_max`.  Zero: stays down.
    event::Duration retry_min{0};
    event::Duration retry_max = std::chrono::seconds(1);
};

/// A notice or warning of the server.
struct Notice {
    std::string severity; ///< NOTICE, WARNING, ...
    std::string sqlstate;
    std::string message;
};
/// NOTIFY from a session of the same database, after LISTEN.
struct Notification {
    std::string channel;
    std::string payload;
    int sender_pid = 0;
};

/// What a connection tells by itself.  Any may be empty.  `on_up` runs before anything that was
/// queued is sent, and what it asks goes first (LISTEN, SET).  The connection may be destroyed
/// inside `on_down` and answers, but not inside `on_notice`.
struct Callbacks {
    std::function<void()> on_up;
    std::function<void(const std::string& why)> on_down; ///< after each failed attempt too
    std::function<void(const Notice&)> on_notice;
    std::function<void(const Notification&)> on_notification;
};

struct FinishConnection {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};

/// Asynchronous libpq connection in pipeline mode; nothing here blocks.  Questions asked while it
/// connects wait for the end of that attempt; while it is down they are answered `Lost`.
/// Answers come in the order of the questions, never inside the call that asks.  Destroying the
/// connection drops what is not answered without a call.  Pinned.
///
/// A commit is sent as BEGIN, the queries, COMMIT in one go; what follows it is sent when it is
/// answered, so batch what belongs together (pipelining does not merge commits).
class Connection {
public:
    using OnReply = std::function<void(Reply)>;
    using OnOutcome = std::function<void(Outcome)>;

    /// Does not connect yet, see `connect`.
    Connection(event::Loop& loop, Options options, Callbacks callbacks = {});
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// Starts connecting; harmless when it is connecting or up.
    void connect();
    /// Ends the session at once; everything unanswered gets InDoubt or Lost.  No reconnect.
    void close();
    /// For the next attempt, e.g. another host.
    void set_conninfo(std::string conninfo) { options_.conninfo = std::move(conninfo); }

    /// One statement, committed by itself when it writes.
    void query(Query query, OnReply on_reply);
    void transaction(std::vector<Query> queries, OnOutcome on_outcome);

    bool up() const { return state_ == State::up; }
    /// Not answered yet, sent or not.
    std::size_t pending() const { return waiting_.size() + sent_.size(); }
    /// Process id of the server's backend; 0 while not up.
    int backend_pid() const;

private:
    /// The socket of libpq by a descriptor of our own: libpq closes a broken one before it tells,
    /// and what is closed cannot be taken out of epoll while a child on its way to exec has it too.
    struct Socket {
        Socket(event::Loop& loop, int fd, std::uint32_t events, std::function<void()> act);
        event::UniqueFd descriptor;
        event::Io io;
    };
    enum class State : std::uint8_t {
        down,       ///< nothing under way, or waiting for the next attempt
        connecting, ///< PQconnectPoll under way
        up,         ///< pipeline mode, questions are sent
    };
    enum class Step : std::uint8_t { prepare, begin, query, commit, sync };
    struct Job {
        std::vector<Query> queries;
        OnReply on_reply{};     ///< of a single query
        OnOutcome on_outcome{}; ///< of a transaction
        bool transaction = false;
        std::deque<Step> steps{}; ///< whose results are still to come
        std::vector<std::string> preparing{};
        std::vector<Result> results{};
        std::optional<Failed> failed{};
        bool committed = false;
        bool wait_cut = false; ///< the server stopped waiting for the standby
    };
    struct Dropped {
        Job job;
        bool sent = false;
        std::string why{};
    };
    enum class Prepared : std::uint8_t { seen, under_way, ready };
    struct Statement {
        std::string name;
        Prepared state = Prepared::seen;
    };

    void push(Job job);
    void poll_connect();
    void came_up();
    void go_down(const std::string& why);
    void schedule_retry();
    void watch(std::uint32_t events);
    /// False when `call` destroyed this connection.
    template <typename Call> bool alive_after(Call&& call);
    void ready();
    void pump();
    void send_waiting();
    void send(Job& job);
    void send_query(Job& job, const Query& query);
    void send_plain(Job& job, Step step, const Query& query);
    void flush();
    void read_results();
    void take_result(Job& job, std::unique_ptr<PGresult, ClearResult> result);
    void take_failure(Job& job, const PGresult* result);
    void finish_prepare(Job& job, Prepared state);
    void finish_front();
    void deliver(Job& job, Outcome outcome);
    void forget_statement(const Job& job);
    void tell_dropped();
    void read_notifications();
    void notice(const PGresult* result);
    static void notice_trampoline(void* self, const PGresult* result) noexcept;

    event::Loop& loop_;
    Options options_;
    Callbacks callbacks_;
    State state_ = State::down;
    event::Duration retry_;
    bool wanted_ = false;
    std::deque<Job> waiting_;
    std::deque<Job> sent_;
    std::map<std::string, Statement> statements_;
    std::uint64_t statement_count_ = 0;
    std::deque<Dropped> dropped_; ///< to be answered at the next turn
    std::optional<std::string> down_why_;
    bool* destroyed_ = nullptr; ///< set by the destructor while a callback runs
    std::unique_ptr<PGconn, FinishConnection> connection_;
    event::Timer timeout_;
    event::Timer retry_timer_;
    event::Deferred pump_later_;
    std::unique_ptr<Socket> socket_;
};

template <typename Call> bool Connection::alive_after(Call&& call)
{
    struct Watch {
        explicit Watch(Connection& watched)
            : connection(watched), outer(std::exchange(watched.destroyed_, &gone))
        {
        }
        ~Watch()
        {
            if (!gone)
                connection.destroyed_ = outer;
            else if (outer != nullptr)
                *outer = true;
        }
        Connection& connection;
        bool gone = false;
        bool* outer;
    };
    Watch watch(*this);
    call();
    return !watch.gone;
}

} // namespace roleswap::pg
