#include "task/after.hpp"
#include "base/toml.hpp"
#include "task/error.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::task {
namespace {

constexpr const char* names_rule = "names of tasks, each alone or with :success, :failure or :any";
constexpr std::size_t shown_max = 10; ///< tasks of a circle in its message

} // namespace

std::string_view to_string(AfterWhich which)
{
    switch (which) {
    case AfterWhich::success:
        return "success";
    case AfterWhich::failure:
        return "failure";
    case AfterWhich::any:
        return "any";
    }
    return "?";
}

After parse_after(std::string_view text)
{
    const auto colon = text.find(':');
    After after{std::string(text.substr(0, colon)), AfterWhich::success};
    if (!is_valid_name(after.task))
        throw Error(1, "entry " + base::toml_shortened(text), names_rule);
    if (colon == std::string_view::npos) return after;
    for (const auto which : {AfterWhich::success, AfterWhich::failure, AfterWhich::any}) {
        after.which = which;
        if (text.substr(colon + 1) == to_string(which)) return after;
    }
    throw Error(1, "entry " + base::toml_shortened(text), names_rule);
}

std::string to_text(const After& after)
{
    if (after.which == AfterWhich::success) return after.task;
    return fmt::format("{}:{}", after.task, to_string(after.which));
}

std::vector<After> after_of(const Task& task)
{
    std::vector<After> all;
    for (const auto& entry : *task.after) all.push_back(parse_after(entry));
    return all;
}

void AfterWalk::begin(const std::string& name)
{
    const auto* task = look_(name);
    if (task == nullptr || seen_.contains(name)) return;
    seen_[name] = Seen::on_path;
    path_.push_back({name, after_of(*task)});
}

bool AfterWalk::step()
{
    if (path_.empty()) return false;
    auto& stop = path_.back();
    if (stop.at < stop.after.size()) {
        const auto from = stop.name, next = stop.after[stop.at++].task;
        visit(from, next);
        return true;
    }
    seen_[stop.name] = Seen::clear;
    path_.pop_back();
    return !path_.empty();
}

void AfterWalk::visit(const std::string& from, const std::string& name)
{
    const auto* task = look_(name);
    const auto read = fmt::format("task \"{}\": after = \"{}\", which is ", from, name);
    if (task == nullptr)
        throw Error(1, read + "no task",
                    "the name of a task that is there or in the same file; see \"roleswap task "
                    "list\"");
    if (!task->backup_of.empty())
        throw Error(1, read + "a backup task and has no runs of its own",
                    fmt::format("\"{}\", its primary", *task->backup_of));
    const auto seen = seen_.find(name);
    if (seen != seen_.end() && seen->second == Seen::on_path) refuse_circle(name);
    begin(name);
}

void AfterWalk::refuse_circle(const std::string& name) const
{
    auto stop = std::ranges::find(path_, name, &Stop::name);
    std::string circle;
    std::size_t shown = 0;
    for (; stop != path_.end() && shown < shown_max; ++stop, ++shown)
        circle += fmt::format("{} after ", stop->name);
    if (stop != path_.end()) circle += fmt::format("... ({} more) after ", path_.end() - stop);
    throw Error(1, fmt::format("a circle: {}{}", circle, name),
                "no circle: take one of these entries of after out, or none of them ever starts "
                "by itself");
}

} // namespace roleswap::task
