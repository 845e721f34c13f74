#include "base/nearest.hpp"
#include "base/quantity.hpp"
#include "base/toml.hpp"
#include "task/binding.hpp"
#include "task/error.hpp"
#include "task/field.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <tuple>

namespace roleswap::task {
namespace {

using base::TomlEntry;
using base::TomlValue;
using Kind = TomlValue::Kind;

/// A value as a message shows it.
std::string shown(const TomlValue& value)
{
    if (value.kind == Kind::text) return base::toml_shortened(value.text);
    if (value.kind == Kind::array || value.kind == Kind::table)
        return std::string{base::describe(value.kind)};
    return value.text;
}

/// Reads the tables of one file.
class Reader {
public:
    explicit Reader(std::string_view path) : path_(path) {}

    Task read_task(const TomlValue& table)
    {
        if (table.kind != Kind::table) fail(table, "task is " + shown(table), "[[task]] tables");
        Task task;
        for (const auto& entry : table.entries) read_field(task, entry);
        try {
            check_whole(task);
        } catch (const Error& error) {
            fail(table, error.read(), error.allowed());
        }
        return task;
    }

    template <class Placed>
    [[noreturn]] void fail(const Placed& at, std::string_view read, std::string_view allowed) const
    {
        throw FileError({path_, at.line, at.column}, fmt::format("{}; allowed: {}", read, allowed));
    }

private:
    /// `node.NAME = { field = value }`
    void read_nodes(Task& task, const TomlEntry& entry)
    {
        const auto allowed = "a table for each node, with " + bindable_names();
        if (entry.value.kind != Kind::table) fail(entry, "node = " + shown(entry.value), allowed);
        for (const auto& node : entry.value.entries) {
            if (node.value.kind != Kind::table)
                fail(node, fmt::format("node.{} = {}", node.key, shown(node.value)), allowed);
            for (const auto& own : node.value.entries) read_bound(task, node.key, own);
        }
    }

    void read_bound(Task& task, const std::string& node, const TomlEntry& entry)
    {
        const auto* field = find_field(entry.key);
        const bool known = field != nullptr && is_bindable(entry.key);
        try {
            set_on_node(task, node, entry.key, known ? convert(*field, entry.value) : FieldValue{});
        } catch (const Error& error) {
            fail(entry, error.read(), error.allowed());
        }
    }

    void read_field(Task& task, const TomlEntry& entry)
    {
        if (entry.key == "node") return read_nodes(task, entry);
        const auto fields = task_fields();
        const auto field = std::ranges::find(fields, entry.key, &Field::name);
        if (field == fields.end()) fail_unknown(entry);
        const auto read = fmt::format("{} = {}", entry.key, shown(entry.value));
        try {
            const auto value = convert(*field, entry.value);
            if (std::holds_alternative<std::monostate>(value) || !field->set(task, value))
                fail(entry.value, read, allowed_text(*field));
        } catch (const Error& error) {
            auto at = entry.value;
            at.column += error.column(); // the opening quote and the text before the fault
            const bool has_parts = at.kind == Kind::array || at.kind == Kind::table; // named in it
            fail(at, fmt::format("{}: {}", has_parts ? entry.key : read, error.read()),
                 error.allowed());
        }
    }

    /// The number of a JSON field is none of these.
    static std::string allowed_text(const Field& field)
    {
        return fmt::format("{}{}", field.is_duration ? "a duration such as \"90s\", " : "",
                           field.allowed);
    }

    [[noreturn]] void fail_unknown(const TomlEntry& entry) const
    {
        std::vector<std::string_view> names;
        for (const auto& field : task_fields()) names.push_back(field.name);
        names.emplace_back("node");
        fail(entry, base::unknown_word("key", entry.key, names),
             fmt::format("{}", fmt::join(names, ", ")));
    }

    static FieldValue convert(const Field& field, const TomlValue& value)
    {
        if (value.kind == Kind::boolean) return value.boolean;
        if (value.kind == Kind::integer) return value.integer;
        if (value.kind == Kind::array) return convert_list(field, value);
        if (value.kind == Kind::table) return convert_map(field, value);
        if (value.kind != Kind::text) return {};
        if (!field.is_duration) return value.text;
        const auto duration = base::parse_duration(value.text);
        return duration ? FieldValue{*duration} : FieldValue{};
    }

    static FieldValue convert_list(const Field& field, const TomlValue& value)
    {
        std::vector<std::string> list;
        for (const auto& item : value.items) {
            if (item.kind != Kind::text)
                throw Error(1, fmt::format("entry {} is {}", list.size() + 1, shown(item)),
                            std::string{field.allowed});
            list.push_back(item.text);
        }
        return list;
    }

    static FieldValue convert_map(const Field& field, const TomlValue& value)
    {
        std::map<std::string, std::string> map;
        for (const auto& [key, line, column, item] : value.entries) {
            const bool flag = item.kind == Kind::boolean && field.takes_flags;
            if (item.kind != Kind::text && !flag)
                throw Error(1, fmt::format("{} is {}", base::toml_shortened(key), shown(item)),
                            std::string{field.allowed});
            map[key] = flag ? (item.boolean ? "yes" : "no") : item.text;
        }
        return map;
    }

    std::string path_;
};

std::string toml_key(const std::string& key)
{
    const bool bare = is_valid_name(key) && key.find('.') == std::string::npos;
    return bare ? key : base::toml_quoted(key);
}

struct ToToml {
    std::string operator()(std::monostate) const { return {}; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
    std::string operator()(const std::string& text) const { return base::toml_quoted(text); }
    std::string operator()(milliseconds duration) const
    {
        return base::toml_quoted(base::duration_text(duration));
    }
    std::string operator()(const std::vector<std::string>& list) const
    {
        std::vector<std::string> quoted;
        for (const auto& item : list) quoted.push_back(base::toml_quoted(item));
        return fmt::format("[{}]", fmt::join(quoted, ", "));
    }
    std::string operator()(const std::map<std::string, std::string>& map) const
    {
        std::vector<std::string> pairs;
        for (const auto& [key, text] : map)
            pairs.push_back(fmt::format("{} = {}", toml_key(key), base::toml_quoted(text)));
        return fmt::format("{{ {} }}", fmt::join(pairs, ", "));
    }
};

} // namespace

std::vector<PlacedTask> parse_placed_tasks(std::string_view text, std::string_view path)
{
    const auto root = base::parse_toml(text, path);
    Reader reader{path};
    std::vector<PlacedTask> tasks;
    std::map<std::string, unsigned, std::less<>> lines;
    for (const auto& entry : root.entries) {
        if (entry.key != "task" || entry.value.kind != Kind::array)
            reader.fail(entry, fmt::format("\"{}\"", entry.key), "[[task]] tables");
        for (const auto& table : entry.value.items) {
            tasks.push_back({reader.read_task(table), table.line, table.column});
            const auto after = std::ranges::find(table.entries, "after", &TomlEntry::key);
            if (after != table.entries.end())
                std::tie(tasks.back().line, tasks.back().column) =
                    std::pair(after->value.line, after->value.column);
            const auto& name = tasks.back().task.name;
            const auto [first, is_new] = lines.emplace(name, table.line);
            if (is_new) continue;
            reader.fail(
                table,
                fmt::format("a second task \"{}\", the first is in line {}", name, first->second),
                "each name once");
        }
    }
    return tasks;
}

std::vector<Task> parse_tasks(std::string_view text, std::string_view path)
{
    std::vector<Task> tasks;
    for (auto& placed : parse_placed_tasks(text, path)) tasks.push_back(std::move(placed.task));
    return tasks;
}

std::string export_tasks(std::span<const Task> tasks)
{
    std::string text;
    const Task defaults;
    for (const auto& task : tasks) {
        text += text.empty() ? "[[task]]\n" : "\n[[task]]\n";
        for (const auto& field : task_fields()) {
            const auto value = field.get(task);
            if (value == field.get(defaults)) continue;
            text += fmt::format("{} = {}\n", field.name, std::visit(ToToml{}, value));
        }
        for (const auto& [node, own] : *task.node) {
            text += fmt::format("[task.node.{}]\n", toml_key(node));
            for (const auto& [name, value] : own)
                text += fmt::format("{} = {}\n", name, std::visit(ToToml{}, value));
        }
    }
    return text;
}

} // namespace roleswap::task
