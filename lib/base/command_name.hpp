#pragma once
#include <string>
#include <string_view>

namespace roleswap::base {

/// The command of roleswap(1) that stands for a verb of the bus: "roleswap task list" for
/// "task_list".  For messages: users know commands, not verbs.
std::string command_name(std::string_view verb);

} // namespace roleswap::base
