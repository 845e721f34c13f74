#pragma once
#include "task/task.hpp"
#include <string_view>

/// What the texts of a task may be.
namespace roleswap::task {

inline constexpr std::string_view text_rule = "a text without a NUL byte";
inline constexpr std::string_view path_rule = "an absolute path without control characters";
inline constexpr std::string_view user_rule =
    "the name of a user, at most 32 of A-Z a-z 0-9 . _ - $, with no - in front";
inline constexpr std::string_view group_rule =
    "the name of a group, at most 32 of A-Z a-z 0-9 . _ - $, with no - in front";

bool has_no_control(std::string_view text);
bool is_free_text(std::string_view text);
bool is_path(std::string_view text);
bool is_path_or_empty(std::string_view text);
/// What useradd(8) takes, and numbers.
bool is_account_or_empty(std::string_view text);
bool is_name_or_empty(std::string_view text);

// For the list of fields: false when the value has a wrong type; throw Error, which names the
// entry, where one is wrong or too long.
bool set_command(Task& task, const FieldValue& value);
bool set_argv(Task& task, const FieldValue& value);
bool set_groups(Task& task, const FieldValue& value);
bool set_needs(Task& task, const FieldValue& value);
bool set_environment(Task& task, const FieldValue& value);

} // namespace roleswap::task
