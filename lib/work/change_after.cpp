// Whether what tasks are after is there, and makes no circle, once a change is done.
#include "task/error.hpp"
#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

const task::Task* find_in(const Model& model, const std::string& name)
{
    const auto found = model.tasks.find(name);
    return found == model.tasks.end() ? nullptr : &found->second.task;
}

/// With its place in the text where the task stands in that.
VerbError after_error(const Change& change, const task::Error& error)
{
    const auto place = change.places.find(change.after_of);
    const auto where = place == change.places.end()
                           ? std::string{}
                           : fmt::format("toml:{}:{}: ", place->second.line, place->second.column);
    return {VerbError::Code::bad_argument,
            fmt::format("roleswap apply: {}{}", where, error.what())};
}

} // namespace

/// As the tasks will be.
const task::Task* Engine::Impl::find_changed(const Change& change, const std::string& name) const
{
    const auto put = change.place_of.find(name);
    if (put != change.place_of.end()) return &change.entries[put->second].task;
    return change.removed.contains(name) ? nullptr : find_in(model_, name);
}

/// Walks from each task that is put, and looks who is after a task that is removed.
Slice Engine::Impl::check_after_one(Change& change)
{
    if (!change.walk)
        change.walk.emplace(
            [this, &change](const std::string& name) { return find_changed(change, name); });
    try {
        if (change.walk->step()) return Slice::more;
        if (change.after_at == change.entries.size()) return check_removed_one(change);
        const auto& task = change.entries[change.after_at++].task;
        change.after_of = task.name;
        if (!task.after.empty()) change.walk->begin(task.name);
        return Slice::more;
    } catch (const task::Error& error) {
        change.error = after_error(change, error);
        return Slice::over;
    }
}

Slice Engine::Impl::check_removed_one(Change& change)
{
    const auto next = change.after_removed ? change.removed.upper_bound(*change.after_removed)
                                           : change.removed.begin();
    if (next == change.removed.end()) return Slice::over;
    change.after_removed = *next;
    refuse_orphans(change, *next);
    return Slice::more;
}

/// A task that is put was walked from already; one that the text has as it is may be told with its
/// place.
void Engine::Impl::refuse_orphans(Change& change, const std::string& removed) const
{
    for (const auto& name : model_.followers_of(removed)) {
        if (change.removed.contains(name) || change.place_of.contains(name)) continue;
        change.after_of = name;
        throw task::Error(1, fmt::format("task \"{}\" is after \"{}\", which goes", name, removed),
                          fmt::format("take \"{0}\" out of the after of \"{1}\" first, or remove "
                                      "\"{1}\" too",
                                      removed, name));
    }
}

/// Of one task that is to be put.  Throws task::Error.
void Engine::Impl::check_after(const task::Task& changed) const
{
    task::AfterWalk walk([&](const std::string& name) {
        return name == changed.name ? &changed : find_in(model_, name);
    });
    walk.begin(changed.name);
    while (walk.step()) {
    }
}

} // namespace roleswap::work
