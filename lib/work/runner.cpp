#include "work/runner.hpp"
#include "base/quantity.hpp"
#include "base/time_text.hpp"
#include "base/utf8.hpp"
#include "work/confine.hpp"
#include "work/token.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

task::Outcome outcome_of(const OpenRun& run, const run::RunEnd& end)
{
    switch (end.killed) {
    case run::Killed::timed_out:
        return task::Outcome::timed_out;
    case run::Killed::by_request:
        return run.moving ? task::Outcome::moved : task::Outcome::killed;
    case run::Killed::with_all:
        return task::Outcome::killed;
    case run::Killed::output:
        return task::Outcome::failed;
    case run::Killed::no:
        break;
    }
    if (!end.started) return task::Outcome::not_started;
    return end.code == 0 ? task::Outcome::succeeded : task::Outcome::failed;
}

const char* state_of(task::Outcome outcome)
{
    switch (outcome) {
    case task::Outcome::succeeded:
        return "ok";
    case task::Outcome::failed:
    case task::Outcome::not_started:
        return "failed";
    case task::Outcome::timed_out:
        return "timeout";
    case task::Outcome::killed:
    case task::Outcome::moved:
        return "killed";
    case task::Outcome::unknown:
        return "interrupted";
    }
    return "failed";
}

template <typename Value> json or_null(const std::optional<Value>& value)
{
    return value ? json(*value) : json(nullptr);
}

json make_row(const run::RunEnd& end)
{
    using std::chrono::floor;
    using Millis = std::chrono::milliseconds;
    return {{"id", end.id},
            {"started_at", to_text(floor<std::chrono::microseconds>(end.started_at))},
            {"ended_at", to_text(floor<std::chrono::microseconds>(end.ended_at))},
            {"duration_ms", floor<Millis>(end.duration).count()},
            {"exit_code", or_null(end.code)},
            {"signal", or_null(end.signal)},
            {"output_tail", clean_text(end.output_tail)},
            {"output_bytes", end.output_bytes},
            {"cpu_ms", floor<Millis>(end.cpu).count()},
            {"peak_memory_kib", end.peak_memory_kib},
            {"read_bytes", end.read_bytes},
            {"written_bytes", end.written_bytes}};
}

AfterEnd after(const task::Task& task, const OpenRun& run, const run::RunEnd& end,
               task::Outcome outcome, Instant ended)
{
    const auto plan = task::retry_plan(task, run.retries_used, outcome);
    AfterEnd after{.row = make_row(end), .state = state_of(outcome), .why = end.why};
    if (outcome == task::Outcome::moved)
        after.why = "stopped by a swap or a drain (on_swap = move)";
    if (outcome == task::Outcome::killed && !run.killed_why.empty()) after.why = run.killed_why;
    auto next = run;
    switch (plan.kind) {
    case task::RetryPlan::Kind::done:
        break;
    case task::RetryPlan::Kind::hold:
        after.state = "interrupted";
        break;
    case task::RetryPlan::Kind::again:
        after.state = "queued";
        ++next.attempt;
        next.retries_used += plan.counts ? 1U : 0U;
        next.not_before = ended + plan.delay;
        next.moving = false;
        next.agent.clear();
        next.killed_why.clear();
        after.why += fmt::format("; attempt {} follows", next.attempt);
        after.again = next;
    }
    after.row["state"] = after.state;
    after.row["why"] = clean_text(after.why);
    after.row["attempt"] = next.attempt;
    after.row["retries_used"] = next.retries_used;
    after.row["not_before"] = after.again ? json(to_text(*next.not_before)) : json(nullptr);
    return after;
}

} // namespace

std::string clean_text(std::string_view bytes)
{
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        const auto length = base::sequence_length(bytes);
        text.append(length == 0 ? "\xEF\xBF\xBD" : bytes.substr(0, length));
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return text;
}

run::RunSpec make_spec(const task::Task& task, const OpenRun& run, const Place& place)
{
    run::RunSpec spec;
    spec.id = run.id;
    spec.argv = task.argv;
    spec.command = task.command;
    spec.shell = task.shell;
    spec.user = task.user;
    spec.group = task.group;
    spec.groups = task.groups;
    spec.directory = task.directory;
    for (const auto& [name, value] : *task.environment)
        spec.environment.push_back(name + "=" + value);
    spec.due = base::to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(run.due));
    spec.attempt = run.attempt;
    spec.journal = task.journal;
    const auto token =
        place.secret.empty() ? "" : make_token(place.secret, {run.id, run.attempt, place.epoch});
    for (const auto& [name, value] :
         std::map<std::string, std::string>{{"RUN", std::to_string(run.id)},
                                            {"TASK", task.name},
                                            {"DUE", spec.due},
                                            {"EPOCH", std::to_string(place.epoch)},
                                            {"NODE", place.node},
                                            {"ATTEMPT", std::to_string(run.attempt)},
                                            {"SOCKET", place.task_socket},
                                            {"TOKEN", token},
                                            {"STORE", place.task_store},
                                            {"AGENT", place.agent}})
        if (!value.empty()) spec.environment.push_back(fmt::format("ROLESWAP_{}={}", name, value));
    if (!run.payload.empty()) spec.environment.push_back("ROLESWAP_PAYLOAD=" + run.payload);
    if (run.origin != 0) spec.environment.push_back(fmt::format("ROLESWAP_ORIGIN={}", run.origin));
    if (task.umask) spec.umask = static_cast<mode_t>(*task.umask);
    spec.stdin_text = task.input.empty() ? run.payload : *task.input;
    spec.needs = task.needs;
    spec.output_max = base::parse_size(*task.output_max).value_or(0);
    confine(spec, task);
    spec.timeout = task.timeout;
    spec.tag = task.name;
    return spec;
}

AfterEnd after_end(const task::Task& task, const OpenRun& run, const run::RunEnd& end,
                   Instant ended)
{
    return after(task, run, end, outcome_of(run, end), ended);
}

AfterEnd after_unknown(const task::Task& task, const OpenRun& run, const run::RunEnd& end,
                       Instant ended)
{
    return after(task, run, end, task::Outcome::unknown, ended);
}

} // namespace roleswap::work
