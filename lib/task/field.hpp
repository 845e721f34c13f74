#pragma once
#include "task/task.hpp"
#include <span>
#include <string_view>
#include <variant>

namespace roleswap::task {

/// One field of Task by name: the one list that files, the store and the bus share.
struct Field {
    std::string_view name;
    FieldValue (*get)(const Task& task);
    /// False when the value has the wrong type or lies outside of `allowed`.  Throws Error where
    /// the fault has a column of its own (schedules).
    bool (*set)(Task& task, const FieldValue& value);
    std::string_view allowed;
    bool is_duration = false;
    bool takes_flags = false; ///< true and false in its table are "yes" and "no"
};

/// In the order in which files show them.
std::span<const Field> task_fields();

/// Null where there is no such field.
const Field* find_field(std::string_view name);

/// Checks what concerns several fields.  Throws Error.
void check_whole(const Task& task);

} // namespace roleswap::task
