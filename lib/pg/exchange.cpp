// The traffic of a connection that is up: sends jobs as pipelines, reads their results.
#include "base/ensure.hpp"
#include "pg/connection.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <sys/epoll.h>

namespace roleswap::pg {
namespace {

using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

/// Statements kept on the server for one session.
constexpr std::size_t statements_max = 256;

Error to_error(const PGresult* result)
{
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char* detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    std::string text = message == nullptr ? PQresultErrorMessage(result) : message;
    if (detail != nullptr) text += fmt::format(" ({})", detail);
    return Error(state == nullptr ? "" : state, text);
}

/// The server's plan or name is gone or stale: prepare it anew next time.
bool is_stale_plan(const Error& error)
{
    return error.sqlstate() == "0A000" || error.sqlstate() == "26000";
}

std::vector<const char*> values_of(const Query& query)
{
    std::vector<const char*> values;
    for (const auto& param : query.params) values.push_back(param ? param->c_str() : nullptr);
    return values;
}

} // namespace

void Connection::pump()
{
    if (!dropped_.empty() || down_why_) {
        if (!alive_after([this] { tell_dropped(); })) return;
    }
    if (state_ == State::up) {
        send_waiting();
        return;
    }
    if (state_ == State::connecting || waiting_.empty()) return;
    for (auto& job : waiting_) dropped_.push_back({std::move(job), false, "no connection"});
    waiting_.clear();
    tell_dropped();
}

/// Nothing is sent behind a transaction: when it fails, the session first needs a ROLLBACK.
void Connection::send_waiting()
{
    bool sent = false;
    while (!waiting_.empty() && (sent_.empty() || !sent_.back().transaction)) {
        sent_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
        send(sent_.back());
        sent = true;
    }
    if (sent) flush();
}

void Connection::send(Job& job)
{
    if (job.transaction) send_plain(job, Step::begin, {"BEGIN"});
    for (const auto& query : job.queries) send_query(job, query);
    if (job.transaction) send_plain(job, Step::commit, {"COMMIT"});
    // A refusal of libpq shows as a bad connection when it is flushed.
    PQpipelineSync(connection_.get());
    job.steps.push_back(Step::sync);
}

void Connection::send_plain(Job& job, Step step, const Query& query)
{
    const auto values = values_of(query);
    PQsendQueryParams(connection_.get(), query.sql.c_str(), static_cast<int>(values.size()),
                      nullptr, values.data(), nullptr, nullptr, 0);
    job.steps.push_back(step);
}

/// First use: one shot.  Second: prepare.  While that is under way other jobs stay one shot, since
/// the preparation may fail.
void Connection::send_query(Job& job, const Query& query)
{
    auto found = statements_.find(query.sql);
    if (found == statements_.end()) {
        if (statements_.size() < statements_max) statements_[query.sql];
        send_plain(job, Step::query, query);
        return;
    }
    auto& statement = found->second;
    const bool own =
        std::find(job.preparing.begin(), job.preparing.end(), query.sql) != job.preparing.end();
    if (statement.state == Prepared::under_way && !own) {
        send_plain(job, Step::query, query);
        return;
    }
    if (statement.state == Prepared::seen) {
        statement.name = fmt::format("s{}", ++statement_count_);
        statement.state = Prepared::under_way;
        job.preparing.push_back(query.sql);
        PQsendPrepare(connection_.get(), statement.name.c_str(), query.sql.c_str(), 0, nullptr);
        job.steps.push_back(Step::prepare);
    }
    const auto values = values_of(query);
    PQsendQueryPrepared(connection_.get(), statement.name.c_str(), static_cast<int>(values.size()),
                        values.data(), nullptr, nullptr, 0);
    job.steps.push_back(Step::query);
}

void Connection::flush()
{
    const int left = PQflush(connection_.get());
    if (left < 0 || PQstatus(connection_.get()) == CONNECTION_BAD) {
        go_down(PQerrorMessage(connection_.get()));
        return;
    }
    socket_->io.set_events(left > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Connection::ready()
{
    const bool readable = PQconsumeInput(connection_.get()) == 1;
    if (!alive_after([this] { read_results(); })) return;
    if (state_ != State::up) return;
    if (!alive_after([this] { read_notifications(); })) return;
    if (state_ != State::up) return;
    if (!readable || PQstatus(connection_.get()) == CONNECTION_BAD) {
        go_down(PQerrorMessage(connection_.get()));
        return;
    }
    send_waiting();
    if (state_ == State::up) flush();
}

/// libpq gives the results of each step, then a null; a synchronisation point has no null.
void Connection::read_results()
{
    int nulls = 0;
    while (state_ == State::up && !sent_.empty() && PQisBusy(connection_.get()) == 0) {
        ResultHandle result(PQgetResult(connection_.get()));
        auto& job = sent_.front();
        if (!result) {
            if (++nulls > 1) return;
            if (job.steps.front() != Step::sync) job.steps.pop_front();
            continue;
        }
        nulls = 0;
        if (PQresultStatus(result.get()) != PGRES_PIPELINE_SYNC) {
            take_result(job, std::move(result));
            if (PQstatus(connection_.get()) == CONNECTION_BAD) return;
            continue;
        }
        base::ensure(job.steps.front() == Step::sync, "results of a pipeline are out of step");
        if (!alive_after([this] { finish_front(); })) return;
    }
}

void Connection::take_result(Job& job, ResultHandle result)
{
    switch (PQresultStatus(result.get())) {
    case PGRES_PIPELINE_ABORTED:
        if (job.steps.front() == Step::prepare) finish_prepare(job, Prepared::seen);
        return;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        break;
    default:
        take_failure(job, result.get());
        return;
    }
    switch (job.steps.front()) {
    case Step::prepare:
        finish_prepare(job, Prepared::ready);
        return;
    case Step::query:
        job.results.emplace_back(std::move(result));
        return;
    case Step::commit:
        job.committed = PQcmdStatus(result.get()) == std::string_view("COMMIT");
        return;
    case Step::begin:
    case Step::sync:
        return;
    }
}

void Connection::take_failure(Job& job, const PGresult* result)
{
    const auto error = to_error(result);
    const auto step = job.steps.front();
    if (step == Step::prepare) finish_prepare(job, Prepared::seen);
    // Without a code it is libpq that tells of the lost connection, which decides by itself.
    if (error.sqlstate().empty() || job.failed) return;
    job.failed = Failed{error, job.results.size()};
}

void Connection::finish_prepare(Job& job, Prepared state)
{
    const auto sql = job.preparing.front();
    job.preparing.erase(job.preparing.begin());
    const auto found = statements_.find(sql);
    if (found != statements_.end()) found->second.state = state;
}

void Connection::forget_statement(const Job& job)
{
    const auto query = job.failed->query;
    if (query < job.queries.size() && is_stale_plan(job.failed->error))
        statements_.erase(job.queries[query].sql);
}

void Connection::finish_front()
{
    auto job = std::move(sent_.front());
    sent_.pop_front();
    if (job.failed) {
        forget_statement(job);
        if (job.transaction && job.failed->query < job.queries.size()) {
            Job rollback; // harmless where BEGIN itself failed
            rollback.queries.push_back({"ROLLBACK"});
            waiting_.push_front(std::move(rollback));
        }
        deliver(job, std::move(*job.failed));
        return;
    }
    if (job.wait_cut) {
        deliver(job, InDoubt{"the server stopped waiting for the standby"});
        return;
    }
    base::ensure(!job.transaction || job.committed, "a pipeline without an error did not commit");
    deliver(job, Committed{std::move(job.results)});
}

void Connection::read_notifications()
{
    struct Free {
        void operator()(PGnotify* notify) const noexcept { PQfreemem(notify); }
    };
    while (state_ == State::up) {
        const std::unique_ptr<PGnotify, Free> notify(PQnotifies(connection_.get()));
        if (!notify) return;
        if (!callbacks_.on_notification) continue;
        const Notification told{notify->relname, notify->extra, notify->be_pid};
        if (!alive_after([&] { callbacks_.on_notification(told); })) return;
    }
}

} // namespace roleswap::pg
