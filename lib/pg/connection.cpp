#include "pg/connection.hpp"
#include "base/ensure.hpp"
#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>

namespace roleswap::pg {
namespace {

std::string trimmed(const char* message)
{
    std::string text = message;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

Outcome dropped_outcome(std::optional<Failed> failed, bool failed_at_end, const std::string& why)
{
    if (failed && !failed_at_end) return std::move(*failed);
    return InDoubt{failed ? failed->error.what() : why};
}

} // namespace

Connection::Connection(event::Loop& loop, Options options, Callbacks callbacks)
    : loop_(loop), options_(std::move(options)), callbacks_(std::move(callbacks)),
      retry_(options_.retry_min), timeout_(loop, [this] { go_down("connecting took too long"); }),
      retry_timer_(loop, [this] { connect(); }), pump_later_(loop, [this] { pump(); })
{
}

Connection::~Connection()
{
    if (destroyed_ != nullptr) *destroyed_ = true;
    socket_.reset();
}

void Connection::connect()
{
    wanted_ = true;
    if (state_ != State::down) return;
    retry_timer_.stop();
    connection_.reset(PQconnectStart(options_.conninfo.c_str()));
    base::ensure(connection_ != nullptr, "libpq has no memory");
    state_ = State::connecting;
    if (PQstatus(connection_.get()) == CONNECTION_BAD) {
        go_down(trimmed(PQerrorMessage(connection_.get())));
        return;
    }
    PQsetNoticeReceiver(connection_.get(), notice_trampoline, this);
    timeout_.start_in(options_.connect_timeout);
    watch(EPOLLOUT); // "behave as if PQconnectPoll last returned PGRES_POLLING_WRITING"
}

void Connection::close()
{
    go_down("the connection was closed");
    wanted_ = false;
    down_why_.reset();
    retry_timer_.stop();
}

void Connection::query(Query query, OnReply on_reply)
{
    Job job;
    job.queries.push_back(std::move(query));
    job.on_reply = std::move(on_reply);
    push(std::move(job));
}

void Connection::transaction(std::vector<Query> queries, OnOutcome on_outcome)
{
    Job job;
    job.queries = std::move(queries);
    job.on_outcome = std::move(on_outcome);
    job.transaction = true;
    push(std::move(job));
}

void Connection::push(Job job)
{
    waiting_.push_back(std::move(job));
    pump_later_.trigger();
}

int Connection::backend_pid() const
{
    return up() ? PQbackendPID(connection_.get()) : 0;
}

Connection::Socket::Socket(event::Loop& loop, int fd, std::uint32_t events,
                           std::function<void()> act)
    : descriptor(event::check(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "watch a connection")),
      io(loop, descriptor.get(), events, [act = std::move(act)](std::uint32_t) { act(); })
{
}

void Connection::watch(std::uint32_t events)
{
    socket_ = std::make_unique<Socket>(loop_, PQsocket(connection_.get()), events, [this] {
        if (state_ == State::connecting)
            poll_connect();
        else
            ready();
    });
}

/// libpq may close the socket and open another (next host, no TLS), so the watch is made anew.
void Connection::poll_connect()
{
    socket_.reset();
    switch (PQconnectPoll(connection_.get())) {
    case PGRES_POLLING_READING:
        watch(EPOLLIN);
        return;
    case PGRES_POLLING_WRITING:
        watch(EPOLLOUT);
        return;
    case PGRES_POLLING_OK:
        came_up();
        return;
    case PGRES_POLLING_ACTIVE:
    case PGRES_POLLING_FAILED:
        break;
    }
    go_down(trimmed(PQerrorMessage(connection_.get())));
}

void Connection::came_up()
{
    timeout_.stop();
    retry_ = options_.retry_min;
    if (PQsetnonblocking(connection_.get(), 1) != 0 ||
        PQenterPipelineMode(connection_.get()) != 1) {
        go_down(trimmed(PQerrorMessage(connection_.get())));
        return;
    }
    state_ = State::up;
    watch(EPOLLIN);
    auto queued = std::exchange(waiting_, {});
    if (callbacks_.on_up && !alive_after(callbacks_.on_up)) return;
    std::move(queued.begin(), queued.end(), std::back_inserter(waiting_));
    pump_later_.trigger();
}

/// Decides what becomes of everything unanswered; the answers follow at the next turn of the loop,
/// so this is safe anywhere.
void Connection::go_down(const std::string& why)
{
    timeout_.stop();
    socket_.reset();
    if (state_ != State::down) down_why_ = why;
    state_ = State::down;
    for (auto& job : sent_) dropped_.push_back({std::move(job), true, why});
    for (auto& job : waiting_) dropped_.push_back({std::move(job), false, why});
    sent_.clear();
    waiting_.clear();
    statements_.clear();
    connection_.reset();
    schedule_retry();
    pump_later_.trigger();
}

void Connection::schedule_retry()
{
    if (!wanted_ || options_.retry_min.count() == 0) return;
    retry_timer_.start_in(retry_);
    retry_ = std::min(retry_ * 2, options_.retry_max);
}

void Connection::tell_dropped()
{
    while (!dropped_.empty()) {
        Dropped dropped = std::move(dropped_.front());
        Job& job = dropped.job;
        dropped_.pop_front();
        Outcome outcome = Lost{dropped.why};
        const bool at_end = job.failed && job.failed->query >= job.queries.size();
        if (job.committed && !job.wait_cut)
            outcome = Committed{std::move(job.results)};
        else if (dropped.sent)
            outcome = dropped_outcome(std::move(job.failed), at_end, dropped.why);
        const bool alive = alive_after([&] { deliver(job, std::move(outcome)); });
        if (!alive) return;
    }
    if (const auto why = std::exchange(down_why_, std::nullopt); why && callbacks_.on_down) {
        const auto on_down = callbacks_.on_down;
        on_down(*why);
    }
}

void Connection::deliver(Job& job, Outcome outcome)
{
    if (job.transaction) {
        if (job.on_outcome) job.on_outcome(std::move(outcome));
        return;
    }
    if (!job.on_reply) return;
    if (auto* done = std::get_if<Committed>(&outcome)) job.on_reply(std::move(done->results.at(0)));
    if (auto* failed = std::get_if<Failed>(&outcome)) job.on_reply(std::move(*failed));
    if (auto* doubt = std::get_if<InDoubt>(&outcome)) job.on_reply(std::move(*doubt));
    if (auto* lost = std::get_if<Lost>(&outcome)) job.on_reply(std::move(*lost));
}

void Connection::notice_trampoline(void* self, const PGresult* result) noexcept
{
    auto& connection = *static_cast<Connection*>(self);
    try {
        connection.notice(result);
    } catch (...) {
        connection.loop_.fail();
    }
}

void Connection::notice(const PGresult* result)
{
    const auto field = [result](int code) {
        const char* text = PQresultErrorField(result, code);
        return std::string(text == nullptr ? "" : text);
    };
    // A cancelled session commits here but not on the standby, and the server calls it a success
    // with this warning (syncrep.c).  The function's name does not depend on the language.
    if (field(PG_DIAG_SOURCE_FUNCTION) == "SyncRepWaitForLSN" && !sent_.empty())
        sent_.front().wait_cut = true;
    if (!callbacks_.on_notice) return;
    callbacks_.on_notice({field(PG_DIAG_SEVERITY_NONLOCALIZED), field(PG_DIAG_SQLSTATE),
                          field(PG_DIAG_MESSAGE_PRIMARY)});
}

} // namespace roleswap::pg
