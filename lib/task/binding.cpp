#include "task/binding.hpp"
#include "base/nearest.hpp"
#include "base/toml.hpp"
#include "task/error.hpp"
#include "task/field.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace roleswap::task {
namespace {

constexpr std::array<std::string_view, 11> bindable{"argv",  "command", "directory", "environment",
                                                    "group", "groups",  "input",     "needs",
                                                    "shell", "umask",   "user"};

/// A backup task has its own of these and of what is bindable.
constexpr std::array<std::string_view, 5> of_each{"name", "description", "backup_of", "backup_on",
                                                  "enabled"};

bool is_in(std::span<const std::string_view> list, std::string_view word)
{
    return std::ranges::find(list, word) != list.end();
}

void put(Task& task, const std::string& name, const FieldValue& value)
{
    if (name == "environment") {
        for (const auto& [variable, text] : std::get<std::map<std::string, std::string>>(value))
            task.environment.edit()[variable] = text;
        return;
    }
    if (name == "command") task.argv.clear();
    if (name == "argv") task.command.clear();
    find_field(name)->set(task, value);
}

struct Shown {
    std::string operator()(std::monostate) const { return "the default"; }
    std::string operator()(milliseconds duration) const
    {
        return fmt::format("{} ms", duration.count());
    }
    std::string operator()(const std::vector<std::string>& list) const
    {
        return fmt::format("{} values", list.size());
    }
    std::string operator()(const std::map<std::string, std::string>& map) const
    {
        return fmt::format("{} values", map.size());
    }
    std::string operator()(const std::string& text) const { return base::toml_shortened(text); }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
};

/// Throws Error.  A value of another kind than the field's was not read at all.
void check_value(const std::string& place, const Field& field, const FieldValue& value)
{
    const bool is_read = !std::holds_alternative<std::monostate>(value);
    const auto read = is_read ? " = " + std::visit(Shown{}, value) : " is of another kind";
    Task scratch;
    try {
        if (!field.set(scratch, value)) throw Error(1, place + read, std::string{field.allowed});
    } catch (const Error& error) {
        if (error.read().starts_with(place)) throw;
        throw Error(1, fmt::format("{}: {}", place, error.read()), error.allowed());
    }
}

} // namespace

bool is_bindable(std::string_view field)
{
    return is_in(bindable, field);
}

std::string bindable_names()
{
    return fmt::format("{}", fmt::join(bindable, ", "));
}

void set_on_node(Task& task, const std::string& node, const std::string& field,
                 const FieldValue& value)
{
    const auto place = fmt::format("node.{}.{}", node, field);
    if (!is_valid_name(node)) throw Error(1, place, "names of nodes, as in the configuration");
    if (!is_bindable(field)) {
        if (find_field(field) != nullptr)
            throw Error(1, place + ", which is one for both nodes", bindable_names());
        throw Error(1, base::unknown_word("key", field, bindable), bindable_names());
    }
    check_value(place, *find_field(field), value);
    auto& has = task.node.edit()[node];
    if ((field == "argv" && has.contains("command")) ||
        (field == "command" && has.contains("argv")))
        throw Error(1, fmt::format("node.{} has both command and argv", node), "one of them");
    has[field] = value;
}

Task on_node(const Task& task, const std::string& node)
{
    auto bound = task;
    bound.node.clear();
    if (const auto own = task.node->find(node); own != task.node->end())
        for (const auto& [name, value] : own->second) put(bound, name, value);
    return bound;
}

Task stand_in(const Task& primary, const Task& backup)
{
    auto task = primary;
    task.node.clear();
    const auto own = on_node(backup, backup.backup_on);
    for (const auto name : bindable) {
        const auto& field = *find_field(name);
        field.set(task, field.get(own));
    }
    return task;
}

std::vector<std::string> differences(const Task& primary, const Task& backup)
{
    const Task plain;
    std::vector<std::string> found;
    for (const auto& field : task_fields()) {
        if (is_bindable(field.name) || is_in(of_each, field.name)) continue;
        const auto here = field.get(backup), there = field.get(primary);
        if (here == there || here == field.get(plain)) continue;
        found.push_back(fmt::format("{} is {} here and {} in \"{}\", which holds", field.name,
                                    std::visit(Shown{}, here), std::visit(Shown{}, there),
                                    primary.name));
    }
    return found;
}

} // namespace roleswap::task
