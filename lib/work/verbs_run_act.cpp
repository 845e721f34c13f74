// What people do with a run: end it, repeat it.
#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

constexpr const char* kill_waiting_sql = R"(
UPDATE roleswap.run SET state = 'killed', why = $2, ended_at = now(), epoch = $3, held_since = NULL,
       released_at = NULL, over = true
WHERE id = $1 AND state IN ('queued', 'held') RETURNING task)";
constexpr const char* ask_agent_sql =
    "UPDATE roleswap.run SET kill_asked = true WHERE id = $1 AND agent = $2 AND NOT over";
constexpr const char* old_run_sql = "SELECT task, state FROM roleswap.all_runs WHERE id = $1";
constexpr const char* a_sentence = "a sentence";

} // namespace

/// A run that has a process is killed as a tree; one that waits is taken out of its queue.  It is
/// told as killed once both nodes hold that: a new master would start what it knows as running.
void Engine::Impl::run_kill(const Call& call)
{
    const Arguments args(call.verb, call.args, {"id", "reason"});
    const auto id = args.number("id", 1, INT64_MAX);
    const auto reason = args.text_or("reason", a_sentence, "");
    const auto why =
        clean_text("killed by " + call.caller.user + (reason.empty() ? "" : ": " + reason));
    const auto found = model_.open.find(id);
    if (executor_.kill(id)) {
        kills_[id].push_back(call.reply);
        if (found == model_.open.end()) return;
        found->second.killed_why = why;
        found->second.moving = false; // a swap that stops it does not bring it back
        return;
    }
    if (found != model_.open.end() && !found->second.agent.empty()) {
        found->second.killed_why = why;
        return kill_at_agent(found->second, call.reply);
    }
    if (found != model_.open.end() && found->second.place != OpenRun::Place::waiting)
        throw Refusal(VerbError::Code::refused,
                      fmt::format("run {} is just being started; try again", id));
    kill_waiting(id, why, call.reply);
}

void Engine::Impl::kill_waiting(std::int64_t id, const std::string& why, const Reply& reply)
{
    auto missing = fmt::format("run {} neither runs nor waits; see \"roleswap run list\"", id);
    session_->write({{"SELECT roleswap.admit_all(one => $1)", {std::to_string(id)}},
                     {kill_waiting_sql, {std::to_string(id), why, std::to_string(epoch_)}}},
                    found_or_refused(reply, std::move(missing)),
                    [this, id, why](std::vector<pg::Result>& results) -> json {
                        if (results.at(1).empty()) return nullptr;
                        model_.forget(id);
                        if (held_runs_->runs() > 0) held_runs_->count();
                        note("run_killed", fmt::format("task {} (run {}, which waited): {}",
                                                       results.at(1)[0].text(0), id, why));
                        outputs_.wake(id);
                        return {{"id", id}, {"killed", "waiting"}};
                    });
}

/// The agent kills it, at once or when it comes back.
void Engine::Impl::kill_at_agent(const OpenRun& run, const Reply& reply)
{
    auto done = [this, id = run.id, agent = run.agent](std::vector<pg::Result>&) -> json {
        session_->tell("roleswap_agent", agent);
        return {{"id", id}, {"killed", "asked"}, {"agent", agent}};
    };
    session_->write({{ask_agent_sql, {std::to_string(run.id), run.agent}}}, reply, std::move(done));
}

/// The row of its last attempt is on both nodes.
void Engine::Impl::tell_killed(std::int64_t id)
{
    const auto waiting = kills_.extract(id);
    if (waiting.empty()) return;
    for (const auto& reply : waiting.mapped()) reply.done({{"id", id}, {"killed", "running"}});
}

/// A new run of the same task, with the payload of the old one.
void Engine::Impl::run_again(const Call& call)
{
    const Arguments args(call.verb, call.args, {"id"});
    const auto id = args.number("id", 1, INT64_MAX);
    const auto who = call.caller.user;
    Reply read{
        [this, id, who, reply = call.reply](const json& old) { repeat(id, old, who, reply); },
        call.reply.failed};
    auto missing = fmt::format("there is no run {}; see \"roleswap run list\"", id);
    session_->read({old_run_sql, {std::to_string(id)}}, found_or_refused(read, std::move(missing)),
                   [](std::vector<pg::Result>& results) -> json {
                       if (results.at(0).empty()) return nullptr;
                       const auto row = results.at(0)[0];
                       return {{"task", row.text(0)}, {"state", row.text(1)}};
                   });
}

void Engine::Impl::repeat(std::int64_t id, const json& old, const std::string& who,
                          const Reply& reply)
{
    const auto task = old.at("task").get<std::string>();
    const auto state = old.at("state").get<std::string>();
    const auto found = model_.tasks.find(task);
    if (found == model_.tasks.end())
        return reply.failed({VerbError::Code::not_found,
                             fmt::format("run {} was of task \"{}\", which is there no more; add "
                                         "it again first",
                                         id, task)});
    if (state == "queued" || state == "running" || state == "held")
        return reply.failed(
            {VerbError::Code::refused,
             fmt::format("run {} of {} is {}: wait for its end, or \"roleswap run kill {}\" first; "
                         "\"roleswap task run {}\" makes a run beside it",
                         id, task, state, id, task)});
    NewRun run{.task = task,
               .queue = found->second.task.queue,
               .cause = "again",
               .due = due_now(),
               .priority = found->second.task.priority,
               .why = clean_text("asked for by " + who),
               .ticket = ++tickets_,
               .origin = id};
    run_replies_.emplace(run.ticket, reply);
    make_run(found->second, std::move(run),
             task::OverlapDecision::wait); // its claim has the payload
}

} // namespace roleswap::work
