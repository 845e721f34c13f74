#pragma once
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace roleswap::bus {

/// Why a verb was not done.  A code exists only where a caller reacts to it differently; the
/// command line maps each to an exit code.
enum class ErrorCode : std::uint8_t {
    failed,       ///< the world failed; the sentence says how
    bad_argument, ///< the caller's arguments are wrong; repeating them never helps
    denied,       ///< the caller may not act
    not_found,    ///< no task, queue, run, operation, node of that name
    refused,      ///< allowed in principle, not in the present state
    not_master,   ///< the verb belongs to the master and none is known
    unreachable,  ///< the peer, or the daemon, does not answer
};

/// "Failed", "BadArgument", ...: the last part of the D-Bus error name and the "code" of relayed
/// errors.
std::string_view to_string(ErrorCode code);
std::optional<ErrorCode> parse_error_code(std::string_view text);

/// D-Bus name "org.roleswap1.Error.Refused".
std::string error_name(ErrorCode code);

/// A verb's failure with one sentence for the user: what, value, limit, remedy.
class Error : public std::runtime_error {
public:
    Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
    ErrorCode code() const { return code_; }

private:
    ErrorCode code_;
};

} // namespace roleswap::bus
