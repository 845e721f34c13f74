#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace roleswap::cli {

/// Item of the memory of a run: 1 to so many bytes, as the daemon allows.
inline constexpr std::size_t item_bytes_max = 2048;
/// Items that the daemon takes in one call.
inline constexpr std::size_t items_of_call_max = 1000;

/// {"run","token"} of the run that this program is part of, from its environment.  Throws
/// UsageError outside of a task; `command` names what was asked for.
nlohmann::json own_run(const std::string& command);

/// Throws UsageError where a text is no item: `what` names it.
void check_item(const std::string& item, const std::string& what);

} // namespace roleswap::cli
