#include "work/engine_impl.hpp"
#include "work/window.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;
constexpr std::size_t boot_ids_max = 8; ///< two are of use; more only while hosts reboot in turn
constexpr std::size_t named_max = 20;   ///< runs named in one sentence

std::string first_of(const std::vector<std::string>& names)
{
    if (names.size() <= named_max) return fmt::format("{}", fmt::join(names, ", "));
    return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + named_max, ", "),
                       names.size() - named_max);
}

} // namespace

/// The store was read: for the first time in this epoch, or after a lost connection.
void Engine::Impl::loaded(Loaded loaded)
{
    const bool first = phase_ == Phase::starting;
    take_queues(loaded);
    take_tasks(loaded);
    take_waiting(loaded);
    take_agents(loaded);
    take_settings(loaded);
    model_.operation = loaded.operation;
    session_ready_ = true;
    host_.on_store_well();
    for (const auto& broken : loaded.broken) note("task_broken", broken);
    if (first) begin_epoch(loaded);
    if (!suspended_) {
        writer_->resume();
        marks_->resume();
    }
    if (ending_)
        write_operation_end({});
    else
        adopt_operation(first ? LoadKind::first : LoadKind::again);
    want_wake(true);
    look_at_agents();
    count_history();
    held_runs_->count();
    answer_early_calls();
    note_bulk(model_.tasks.size());
    look_at_all();
    dispatch();
    if (!first) return;
    looks_.add([this] {
        host_.on_ready();
        return Slice::over;
    });
}

void Engine::Impl::take_queues(Loaded& loaded)
{
    for (const auto& [name, queue] : model_.queues) {
        loaded.queues[name].running = queue.running;
        loaded.queues[name].waiting = queue.waiting;
    }
    model_.queues = std::move(loaded.queues);
}

/// What is decided here and not yet in the store stays decided.
void Engine::Impl::take_tasks(Loaded& loaded)
{
    const auto old = std::move(model_.tasks);
    model_.set_tasks(std::move(loaded.tasks));
    planner_.clear();
    auto known = old.begin(); // both are in the order of the names
    for (auto& [name, entry] : model_.tasks) {
        while (known != old.end() && known->first < name) ++known;
        if (known != old.end() && known->first == name)
            entry.last_due = std::max(entry.last_due, known->second.last_due);
    }
}

void Engine::Impl::take_waiting(Loaded& loaded)
{
    std::vector<std::int64_t> old;
    for (const auto& [id, run] : model_.open)
        if (run.place == OpenRun::Place::waiting) old.push_back(id);
    for (const auto id : old) model_.forget(id);
    Told told;
    for (auto& run : loaded.waiting) {
        told.note(run);
        if (!model_.open.contains(run.id)) take_waiting_run(std::move(run)); // else: being claimed
    }
    for (auto& [name, queue] : model_.queues) told.set_edge(name, queue);
}

void Engine::Impl::take_settings(const Loaded& loaded)
{
    const auto value = [&](const char* name) {
        const auto found = loaded.settings.find(name);
        return found == loaded.settings.end() ? json::object() : found->second;
    };
    const auto scheduler = value("scheduler");
    model_.scheduler = {scheduler.value("stopped", false), scheduler.value("reason", "")};
    pair_boot_ = value("pair_boot");
    // Written by a clock that may have been ahead: nothing that is still to come is in doubt.
    in_doubt_until_ = std::min(
        task::Time(std::chrono::seconds(value("in_doubt").value("until", std::int64_t{0}))),
        std::chrono::floor<std::chrono::seconds>(now()));
    outages_.read(value("alive"), value("outage"), std::chrono::floor<std::chrono::seconds>(now()));
    held_runs_->set_rate(parse_rate(value("release").value("rate", "")).value_or(Rate{}));
    const auto pause = value("pause");
    model_.pause = {pause.value("paused", false), pause.value("reason", ""), pause.value("by", ""),
                    pause.value("at", "")};
    memory_secret_ = loaded.settings.at("memory_secret").get<std::string>();
}

void Engine::Impl::begin_epoch(const Loaded& loaded)
{
    phase_ = Phase::running;
    begun_at_ = event::Loop::now();
    tell_freed(loaded);
    house_->begin();
    offer_config();
    look_at_pair_boot();
    life_timer_.start_every(outages_.period());
}

void Engine::Impl::tell_freed(const Loaded& loaded)
{
    if (!loaded.freed.empty())
        note("runs_freed", fmt::format("to be run again after the last master's end: {}",
                                       first_of(loaded.freed)));
    if (!loaded.interrupted.empty())
        note("runs_in_doubt", fmt::format("their end is unknown, they are not run again by "
                                          "themselves: {}",
                                          first_of(loaded.interrupted)));
    if (!loaded.held.empty())
        note("runs_in_doubt",
             fmt::format("this store may lack what the old master did last, so what ran or waited "
                         "in it is not run by itself: {}",
                         first_of(loaded.held)));
}

/// A host that was up while the pair was up belongs to the present boot of the pair; a master
/// that did not is the first of a new one.
void Engine::Impl::look_at_pair_boot()
{
    const auto own = Engine::host_boot_id();
    const auto ids = pair_boot_.value("ids", std::vector<std::string>{});
    if (std::find(ids.begin(), ids.end(), own) == ids.end()) {
        const auto number = pair_boot_.value("number", std::int64_t{0}) + 1;
        pair_boot_ = {{"number", number}, {"ids", {own}}};
        writer_->next().settings["pair_boot"] = pair_boot_;
        note("pair_booted", fmt::format("boot {} of the pair: tasks with @reboot run", number));
        run_reboot_tasks();
    }
    if (!peer_boot_.empty()) note_peer_boot(peer_boot_);
}

void Engine::Impl::run_reboot_tasks()
{
    for (const auto& [name, entry] : model_.tasks) {
        if (!entry.task.enabled || !entry.schedule.is_reboot() || !entry.has_schedule()) continue;
        NewRun run{.task = name,
                   .queue = entry.task.queue,
                   .cause = "reboot",
                   .due = due_now(),
                   .priority = entry.task.priority};
        make_run(entry, std::move(run), model_.decide(entry));
    }
}

void Engine::Impl::note_peer_boot(const std::string& boot_id)
{
    peer_boot_ = boot_id;
    if (phase_ != Phase::running) return; // told to the store when it begins
    auto ids = pair_boot_.value("ids", std::vector<std::string>{});
    if (std::find(ids.begin(), ids.end(), boot_id) != ids.end()) return;
    ids.push_back(boot_id);
    if (ids.size() > boot_ids_max) ids.erase(ids.begin() + 1); // the first is this pair boot's own
    pair_boot_["ids"] = ids;
    writer_->next().settings["pair_boot"] = pair_boot_;
}

} // namespace roleswap::work
