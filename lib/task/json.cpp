#include "base/nearest.hpp"
#include "base/quantity.hpp"
#include "base/toml.hpp"
#include "task/binding.hpp"
#include "task/error.hpp"
#include "task/field.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::task {
namespace {

using nlohmann::json;

std::string key_of(const Field& field)
{
    return std::string{field.name} + (field.is_duration ? "_ms" : "");
}

struct ToJson {
    json operator()(std::monostate) const { return nullptr; }
    json operator()(milliseconds duration) const { return duration.count(); }
    template <class T> json operator()(const T& plain) const { return plain; }
};

/// Lists and maps of texts; anything else in them makes no FieldValue.
FieldValue from_container(const Field& field, json value)
{
    if (field.takes_flags)
        for (auto& item : value)
            if (item.is_boolean()) item = item.get<bool>() ? "yes" : "no";
    const auto is_text = [](const json& item) { return item.is_string(); };
    if (!std::ranges::all_of(value, is_text)) return {};
    if (value.is_array()) return value.get<std::vector<std::string>>();
    return value.get<std::map<std::string, std::string>>();
}

FieldValue from_value(const Field& field, const json& value)
{
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_string()) return value.get<std::string>();
    if (value.is_array() || value.is_object()) return from_container(field, value);
    if (!value.is_number_integer()) return {};
    const auto number = value.get<std::int64_t>();
    if (value.is_number_unsigned() && number < 0) return {}; // above 63 bits
    if (field.is_duration) return milliseconds{number};
    return number;
}

[[noreturn]] void refuse(const json& value, std::string_view key, std::string_view allowed)
{
    auto read = value.dump(-1, ' ', false, json::error_handler_t::replace);
    if (read.size() > 100) read = read.substr(0, 100) + "...";
    throw Error(1, fmt::format("{} = {}", key, read), std::string{allowed});
}

/// {"NODE": {"FIELD": value}}
void set_nodes(Task& task, const json& nodes)
{
    const auto is_table = [](const json& item) { return item.is_object(); };
    if (!nodes.is_object() || !std::ranges::all_of(nodes, is_table))
        refuse(nodes, "node", "a table for each node, with " + bindable_names());
    for (const auto& [node, own] : nodes.items())
        for (const auto& [key, value] : own.items()) {
            const auto* field = find_field(key);
            set_on_node(task, node, key,
                        field == nullptr ? FieldValue{} : from_value(*field, value));
        }
}

/// The setter names what is wrong inside of the value only.
bool set_named(Task& task, const Field& field, const FieldValue& read)
{
    try {
        return field.set(task, read);
    } catch (const Error& error) {
        const auto* text = std::get_if<std::string>(&read);
        const auto shown = text == nullptr ? std::string{} : " = " + base::toml_shortened(*text);
        throw Error(error.column(), fmt::format("{}{}: {}", field.name, shown, error.read()),
                    error.allowed());
    }
}

void set_known(Task& task, const Field& field, const json& value)
{
    const bool optional = std::holds_alternative<std::monostate>(field.get(Task{}));
    const auto read = from_value(field, value);
    const bool empty = std::holds_alternative<std::monostate>(read);
    if ((!empty || (optional && value.is_null())) && set_named(task, field, read)) return;
    if (const auto* given = std::get_if<milliseconds>(&read); given && given->count() > 0)
        refuse(base::duration_text(*given), field.name, field.allowed);
    refuse(value, key_of(field), field.allowed);
}

void set_field(Task& task, const std::string& key, const json& value)
{
    if (key == "node") return set_nodes(task, value);
    const auto fields = task_fields();
    const auto field = std::ranges::find(fields, key, key_of);
    if (field == fields.end()) {
        std::vector<std::string> names;
        for (const auto& known : fields) names.push_back(key_of(known));
        names.emplace_back("node");
        const std::vector<std::string_view> views(names.begin(), names.end());
        throw Error(1, base::unknown_word("field", key, views),
                    fmt::format("{}", fmt::join(names, ", ")));
    }
    set_known(task, *field, value);
}

} // namespace

json to_json(const Task& task)
{
    auto object = json::object();
    for (const auto& field : task_fields())
        object[key_of(field)] = std::visit(ToJson{}, field.get(task));
    auto& nodes = object["node"] = json::object();
    for (const auto& [node, own] : *task.node)
        for (const auto& [name, value] : own) nodes[node][name] = std::visit(ToJson{}, value);
    return object;
}

Task from_json(const json& object)
{
    if (!object.is_object()) refuse(object, "task", "an object with the fields of a task");
    Task task;
    for (const auto& [key, value] : object.items()) set_field(task, key, value);
    check_whole(task);
    return task;
}

} // namespace roleswap::task
