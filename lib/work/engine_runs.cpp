#include "work/engine_impl.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::work {
namespace {

/// Claims in one transaction, and those that have no process yet: more would hold the loop, or be
/// taken from a peer that could begin them sooner.
constexpr std::size_t claims_max = 2000;
constexpr std::size_t starts_max = 500;

} // namespace

bool Engine::Impl::may_start() const
{
    return phase_ == Phase::running && session_ready_ && !suspended_ && !gate_is_shut();
}

bool Engine::Impl::may_plan() const
{
    return phase_ == Phase::running && session_ready_ && !suspended_ && !model_.scheduler.stopped &&
           !model_.pause.paused;
}

std::set<std::string> Engine::Impl::names_of_tasks() const
{
    std::set<std::string> names;
    for (const auto& [name, entry] : model_.tasks) names.insert(name);
    return names;
}

void Engine::Impl::look_at_all()
{
    look(names_of_tasks());
}

void Engine::Impl::look(const std::set<std::string>& names)
{
    if (!may_plan()) return planner_.clear(); // looked at when it may again
    to_look_.insert(names.begin(), names.end());
    if (to_look_.empty() || std::exchange(looking_, true)) return;
    writer_->wait_for_more();
    looks_.add([this] { return look_at_one(); });
}

/// One task of those that are to be looked at; their new runs go to the store together.
Slice Engine::Impl::look_at_one()
{
    if (!may_plan()) {
        planner_.clear();
        to_look_.clear();
    }
    if (to_look_.empty()) {
        looking_ = false;
        tell_held();
        tell_outage();
        writer_->send_what_there_is();
        return Slice::over;
    }
    const auto name = to_look_.extract(to_look_.begin());
    if (const auto found = model_.tasks.find(name.value()); found != model_.tasks.end())
        look_at(found->second, std::chrono::floor<std::chrono::seconds>(now()));
    return Slice::more;
}

void Engine::Impl::look_at(TaskEntry& entry, task::Time time)
{
    const auto& name = entry.task.name;
    if (!entry.task.enabled || entry.schedule.is_reboot() || !entry.has_schedule())
        return planner_.remove(name);
    sign_of_life(time);
    // The clock was set back: the time until then comes again, and due times that had their run
    // are recognised by their rows.
    entry.last_due = std::min(entry.last_due, time);
    const auto plan = task::catch_up_plan(
        entry.schedule, task::catch_up_policy(entry.task, defaults_), entry.last_due, time);
    make_due_runs(entry, plan);
    if (!plan.due.empty() || plan.skipped > 0) writer_->next().last_due[name] = time;
    if (plan.skipped > 0)
        note("due_times_passed_over",
             fmt::format("{} due times of task {} since {} have no run, by its catch-up policy",
                         plan.skipped, name, to_text(Instant(entry.last_due))));
    entry.last_due = time;
    planner_.plan(name, entry.schedule, time);
}

void Engine::Impl::make_due_runs(const TaskEntry& entry, const task::CatchUpPlan& plan)
{
    for (std::size_t i = 0; i < plan.due.size(); ++i) {
        const auto due = plan.due[i];
        if (due <= in_doubt_until_) {
            hold_due(entry, due);
            continue;
        }
        if (i < plan.made_up && outages_.covers(due)) {
            hold_made_up(entry, due);
            continue;
        }
        const auto decision = model_.decide(entry, plan.due.size());
        const Instant start = due + task::start_delay(entry.task, due);
        make_run(entry,
                 {.task = entry.task.name,
                  .queue = entry.task.queue,
                  .due = due,
                  .not_before = start > now() ? std::optional(start) : std::nullopt,
                  .priority = entry.task.priority},
                 decision);
    }
}

void Engine::Impl::make_run(const TaskEntry& entry, NewRun run, task::OverlapDecision decision)
{
    // A run of nothing ends when it leaves its queue.
    const bool waits = gate_is_shut() || run.not_before || entry.task.kind == task::TaskKind::noop;
    if (waits && decision == task::OverlapDecision::start) decision = task::OverlapDecision::wait;
    switch (decision) {
    case task::OverlapDecision::start:
        run.state = NewRun::State::running;
        model_.count_running(run.task, run.queue);
        break;
    case task::OverlapDecision::wait:
        run.state = NewRun::State::queued;
        break;
    case task::OverlapDecision::skip:
        run.state = NewRun::State::skipped;
        run.why =
            fmt::format("an earlier run of {} was not over (overlap = skip)", entry.task.name);
        break;
    }
    writer_->next().inserts.push_back(std::move(run));
}

void Engine::Impl::committed(Batch batch, const Written& written)
{
    host_.on_store_well();
    if (!batch.inserts.empty()) take_inserts(batch, written.inserted);
    take_promotes(batch, written.claimed);
    take_noops(batch.noops);
    take_gifts(batch, written.given);
    for (const auto& run : written.followers) take_follower(run);
    for (const auto& row : batch.ends) {
        const auto id = row.at("id").get<std::int64_t>();
        auto again = again_.extract(id);
        if (!again.empty()) model_.add_waiting(std::move(again.mapped()));
        tell_killed(id);
        outputs_.wake(id);
    }
    const auto held = std::ranges::any_of(
        batch.inserts, [](const auto& run) { return run.state == NewRun::State::held; });
    held_uncounted_ |= held;
    if (held_uncounted_ && (!held || writer_->idle())) {
        held_uncounted_ = false;
        held_runs_->count();
    }
    if (batch.asleep == true) look_timer_.start_in(event::Duration(0));
    dispatch();
    check_drained();
}

void Engine::Impl::take_inserts(const Batch& batch, const std::vector<OpenRow>& rows)
{
    std::map<std::pair<std::string_view, Instant>, const OpenRow*> by_due;
    for (const auto& row : rows)
        by_due.emplace(std::pair(std::string_view(row.task), row.due), &row);
    for (const auto& run : batch.inserts) {
        const auto found = by_due.find({run.task, run.due});
        if (run.state == NewRun::State::skipped) house_->note_ended(run.task);
        take_insert(run, found == by_due.end() ? nullptr : found->second);
    }
}

/// `row` is null where the due time had its run already, or the run was passed over.
void Engine::Impl::take_insert(const NewRun& run, const OpenRow* row)
{
    if (const auto reply = run_replies_.extract(run.ticket); !reply.empty()) {
        const auto state = row == nullptr ? "skipped" : row->running ? "running" : "queued";
        reply.mapped().done({{"id", row == nullptr ? 0 : row->id}, {"state", state}});
    }
    if (run.state == NewRun::State::skipped || run.state == NewRun::State::interrupted ||
        run.state == NewRun::State::held || (row != nullptr && model_.open.contains(row->id)))
        return;
    if (run.state == NewRun::State::queued) {
        if (row != nullptr)
            take_queued({.id = row->id,
                         .task = run.task,
                         .queue = run.queue,
                         .due = run.due,
                         .not_before = run.not_before,
                         .priority = run.priority});
        return;
    }
    if (row == nullptr) return model_.uncount_running(run.task, run.queue);
    auto& open = model_.open[row->id];
    open = {.id = row->id,
            .task = run.task,
            .queue = run.queue,
            .due = run.due,
            .priority = run.priority};
    open.place = OpenRun::Place::alive;
    begin(open);
}

/// Behind those that are not known yet it is found with them.
void Engine::Impl::take_queued(OpenRun run)
{
    const auto& queue = model_.queues[run.queue];
    const bool known = run.not_before || queue.is_known_place(turn_of(run));
    if (known && !window_.capped.contains(run.task)) model_.add_waiting(std::move(run));
}

/// What was claimed and is not among `claims` was not queued any more.
void Engine::Impl::take_promotes(const Batch& batch, const std::vector<Claim>& claims)
{
    for (const auto& claim : claims) {
        auto& run = model_.open.at(claim.id);
        run.place = OpenRun::Place::alive;
        run.payload = claim.payload;
        run.origin = claim.origin;
        begin(run);
    }
    if (claims.size() == batch.promotes.size()) return;
    std::set<std::int64_t> claimed;
    for (const auto& claim : claims) claimed.insert(claim.id);
    for (const auto id : batch.promotes)
        if (!claimed.contains(id)) model_.forget(id);
}

/// Those that were not queued any more have ended, too.
void Engine::Impl::take_noops(const std::vector<std::int64_t>& ids)
{
    for (const auto id : ids) {
        const auto found = model_.open.find(id);
        if (found == model_.open.end()) continue;
        house_->note_ended(found->second.task);
        model_.forget(id);
        outputs_.wake(id);
    }
}

bool Engine::Impl::is_noop(const std::string& name) const
{
    const auto found = model_.tasks.find(name);
    return found != model_.tasks.end() && found->second.task.kind == task::TaskKind::noop;
}

/// The claim is on both nodes: only now may a process exist.
void Engine::Impl::begin(OpenRun& run)
{
    to_start_.push_back(run.id);
    starter_.trigger();
}

/// A moment may bring hundreds of runs, and a start costs up to some milliseconds on a busy
/// machine: between them the loop turns, or the heartbeats would stop.
void Engine::Impl::start_some()
{
    if (suspended_ || phase_ != Phase::running) return;
    const auto begun = event::Loop::now();
    const auto generation = generation_;
    while (!to_start_.empty() && event::Loop::now() - begun < turn_max) {
        const auto id = to_start_.front();
        to_start_.pop_front();
        start_one(id);
        if (generation != generation_) return;
    }
    if (!to_start_.empty()) starter_.trigger();
    if (to_start_.size() < starts_max) dispatcher_.trigger();
}

void Engine::Impl::start_one(std::int64_t id)
{
    auto& run = model_.open.at(id);
    const auto found = model_.tasks.find(run.task);
    const bool removed = found == model_.tasks.end();
    if (removed || is_noop(run.task)) {
        run::RunEnd gone{.id = id,
                         .why = removed ? "its task was removed"
                                        : "its task became one of kind noop after its claim"};
        gone.started_at = gone.ended_at = std::chrono::system_clock::now();
        return ended(id, gone);
    }
    claimed_[id] = found->second.task;
    const auto generation = generation_;
    executor_.start(make_spec(model_.task_on(found->second, settings_.node), run,
                              {epoch_, settings_.node, settings_.task_store, settings_.task_socket,
                               memory_secret_}),
                    [this, generation](const run::RunEnd& end) {
                        if (generation == generation_) ended(end.id, end);
                    });
    outputs_.wake(id);
}

void Engine::Impl::end_noop(const OpenRun& run)
{
    writer_->next().noops.push_back(run.id);
    if (model_.is_followed(run.task)) writer_->next().followed.push_back(run.id);
}

void Engine::Impl::dispatch()
{
    if (!may_start()) return;
    const auto time = now(); // one for both, or a retry due between them would be in neither
    const auto room = claims_max - std::min(claims_max, writer_->gathering_claims());
    auto starts = starts_max - std::min(starts_max, to_start_.size());
    for (const auto id : model_.startable(time, room)) {
        const auto& run = model_.open.at(id);
        const auto& name = run.task;
        const auto& agent = model_.queues.at(run.queue).agent;
        const bool noop = agent.empty() && is_noop(name);
        if (agent.empty() && !noop && starts-- == 0) break;
        model_.claim(id);
        if (noop)
            end_noop(run);
        else if (agent.empty())
            writer_->next().promotes.push_back(id);
        else
            writer_->next().gifts.push_back({id, agent});
        note_claim(name);
    }
    refill();
    held_runs_->go_on();
    arm_retries(time);
}

void Engine::Impl::arm_retries(Instant time)
{
    if (const auto next = model_.next_retry(time))
        retry_timer_.start_in(std::min<event::Duration>(*next - time, std::chrono::minutes(1)));
    else
        retry_timer_.stop();
}

} // namespace roleswap::work
