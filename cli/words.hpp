#pragma once
#include <string>
#include <string_view>

namespace roleswap::cli {

/// The daemon speaks of the verbs of the bus, the reader knows commands: "see task_list" becomes
/// "see task list".  What stands in quotation marks is a name of the reader's own and stays.
std::string in_commands(std::string_view sentence);

/// The words after `roleswap` that carry a verb of the bus out: "hand_over" -> "hand-over".
std::string command_of(std::string_view verb);

} // namespace roleswap::cli
