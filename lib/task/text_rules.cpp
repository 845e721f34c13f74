#include "task/text_rules.hpp"
#include "base/toml.hpp"
#include "task/error.hpp"
#include "task/size.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::task {
namespace {

using TextList = std::vector<std::string>;
using TextMap = std::map<std::string, std::string>;

void check_variable(const std::string& name, const std::string& text)
{
    const auto what = "variable " + base::toml_shortened(name);
    if (name.empty() || name.find('=') != std::string::npos || !has_no_control(name))
        throw Error(1, what, "a name that is not empty, without = and control characters");
    if (!is_free_text(text))
        throw Error(1, fmt::format("{} = {}", what, base::toml_shortened(text)),
                    std::string{text_rule});
    check_argument_size(what, name.size() + 1 + text.size());
}

/// With the number of the entry, since equal ones may stand in a list.
[[noreturn]] void refuse_entry(std::size_t index, const std::string& text, std::string_view rule)
{
    throw Error(1, fmt::format("entry {} is {}", index + 1, base::toml_shortened(text)),
                std::string{rule});
}

template <class Test>
const TextList* checked(const FieldValue& value, Test test, std::string_view rule)
{
    const auto* list = std::get_if<TextList>(&value);
    if (list == nullptr) return nullptr;
    const auto wrong = std::ranges::find_if_not(*list, test);
    if (wrong != list->end())
        refuse_entry(static_cast<std::size_t>(wrong - list->begin()), *wrong, rule);
    return list;
}

} // namespace

bool has_no_control(std::string_view text)
{
    return std::ranges::none_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_free_text(std::string_view text)
{
    return text.find('\0') == std::string_view::npos;
}

bool is_path(std::string_view text)
{
    return text.starts_with('/') && has_no_control(text);
}

bool is_path_or_empty(std::string_view text)
{
    return text.empty() || is_path(text);
}

bool is_account_or_empty(std::string_view text)
{
    constexpr std::string_view more = "._-$";
    return text.size() <= 32 && !text.starts_with('-') && std::ranges::all_of(text, [more](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      more.find(c) != std::string_view::npos;
           });
}

bool is_name_or_empty(std::string_view text)
{
    return text.empty() || is_valid_name(text);
}

bool set_command(Task& task, const FieldValue& value)
{
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr || !is_free_text(*text)) return false;
    check_argument_size("the command", text->size());
    task.command = *text;
    return true;
}

bool set_argv(Task& task, const FieldValue& value)
{
    const auto* list = checked(value, is_free_text, text_rule);
    if (list == nullptr) return false;
    if (!list->empty() && list->front().empty())
        refuse_entry(0, "", "the name or the absolute path of a program");
    for (std::size_t i = 0; i < list->size(); ++i)
        check_argument_size(fmt::format("entry {}", i + 1), (*list)[i].size());
    task.argv = *list;
    return true;
}

bool set_groups(Task& task, const FieldValue& value)
{
    const auto is_group = [](const std::string& name) {
        return !name.empty() && is_account_or_empty(name);
    };
    const auto* list = checked(value, is_group, group_rule);
    if (list != nullptr) task.groups = *list;
    return list != nullptr;
}

bool set_needs(Task& task, const FieldValue& value)
{
    const auto* list = checked(value, is_path, path_rule);
    if (list != nullptr) task.needs = *list;
    return list != nullptr;
}

bool set_environment(Task& task, const FieldValue& value)
{
    const auto* map = std::get_if<TextMap>(&value);
    if (map == nullptr) return false;
    for (const auto& [name, text] : *map) check_variable(name, text);
    task.environment = *map;
    return true;
}

} // namespace roleswap::task
