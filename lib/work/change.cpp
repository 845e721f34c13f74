#include "work/change.hpp"
#include "task/error.hpp"
#include "work/confine.hpp"
#include "work/load.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

/// What a single look at the text does not tell.
TaskEntry checked(task::PlacedTask placed, task::Time since, const task::Defaults& defaults)
{
    try {
        auto entry = make_entry(std::move(placed.task), since, defaults);
        check_is_ever_due(entry, since);
        check_can_be_held(entry.task);
        return entry;
    } catch (const task::Error& error) {
        throw task::FileError({"toml", placed.line, placed.column}, error.what());
    }
}

void read_tasks(Change& change, const task::Defaults& defaults)
{
    for (auto& placed : task::parse_placed_tasks(change.text, "toml")) {
        if (!placed.task.after.empty())
            change.places[placed.task.name] = {"toml", placed.line, placed.column};
        auto entry = checked(std::move(placed), change.since, defaults);
        change.named.insert(entry.task.name);
        change.read_rows.push_back(task::to_json(entry.task).dump());
        change.read.push_back(std::move(entry));
    }
}

} // namespace

void read_text(Change& change, const task::Defaults& defaults)
{
    const auto refuse = [&](const std::exception& error) {
        change.error = {VerbError::Code::bad_argument,
                        fmt::format("roleswap apply: {}", error.what())};
    };
    try {
        read_tasks(change, defaults);
    } catch (const task::Error& error) {
        refuse(error);
    } catch (const task::FileError& error) {
        refuse(error);
    }
}

void put(Change& change, TaskEntry entry, const std::string& row)
{
    if (!change.rows.empty()) change.rows += ',';
    change.rows += row;
    change.queues.insert(entry.task.queue);
    change.place_of.insert_or_assign(entry.task.name, change.entries.size());
    change.entries.push_back(std::move(entry));
}

void check_is_ever_due(const TaskEntry& entry, task::Time now)
{
    if (!entry.has_schedule() || entry.schedule.is_reboot() || entry.schedule.next(now)) return;
    throw task::Error(
        1,
        fmt::format("task {}: schedule = \"{}\", which is never due", entry.task.name,
                    entry.task.schedule),
        "one with a due time; a task that is only started by hand has any schedule and enabled = "
        "false");
}

} // namespace roleswap::work
