#pragma once
#include "task/task.hpp"
#include <string>
#include <string_view>
#include <vector>

/// What a task does on one node otherwise than on the other: a port, a path, an account.  Written
/// into the task (`node.NAME = { ... }`), or as a second task, the backup task, that stands in for
/// its primary on one node.  When it is due, how often and how it ends is one for both nodes.
namespace roleswap::task {

/// Whether a node may have its own value of this field.
bool is_bindable(std::string_view field);
/// "argv, command, directory, ...": for messages.
std::string bindable_names();

/// Takes the value of one field for one node.  Throws Error: no such field, not bindable, wrong.
/// `key` is the field's name in messages.
void set_on_node(Task& task, const std::string& node, const std::string& field,
                 const FieldValue& value);

/// The task as this node runs it: its values put over the common ones, variables of the environment
/// one by one.  A command of the node replaces command and argv of the task.
Task on_node(const Task& task, const std::string& node);

/// The primary as the backup task has it run on its node: all that may be a node's own comes from
/// the backup, all else from the primary.
Task stand_in(const Task& primary, const Task& backup);

/// Sentences: fields of the backup that say something else than its primary and that are no node's
/// own, so that the primary's value holds.
std::vector<std::string> differences(const Task& primary, const Task& backup);

} // namespace roleswap::task
