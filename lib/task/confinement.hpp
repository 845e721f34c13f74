#pragma once
#include "task/field.hpp"
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// What keeps a task within bounds: limits of its processes, of all of them together, and what they
/// may see of the machine.
namespace roleswap::task {

/// How a property of the sandbox is written, as in unit files (systemd.exec(5)).
enum class SandboxKind : std::uint8_t {
    flag,   ///< yes or no
    word,   ///< one of a few words
    paths,  ///< absolute paths with spaces between
    filter, ///< words with spaces between, with "~" in front all but these
};
struct SandboxProperty {
    std::string_view name;
    SandboxKind kind = SandboxKind::flag;
    std::string_view words{}; ///< with spaces around each
};
/// In the order of the alphabet.
std::span<const SandboxProperty> sandbox_properties();
const SandboxProperty* find_sandbox_property(std::string_view name);
/// "yes" and its synonyms (systemd.syntax(7)) are true; empty: neither true nor false.
std::optional<bool> parse_flag(std::string_view text);

/// A limit of each process (setrlimit(2)) by the name that ulimit and limits.conf(5) give it.
struct ProcessLimitName {
    std::string_view name;
    std::string_view resource; ///< "NOFILE", as in RLIMIT_NOFILE and LimitNOFILE
};
std::span<const ProcessLimitName> process_limit_names();
inline constexpr std::uint64_t no_limit = UINT64_MAX;
/// A number, a size, of cpu a duration, or "unlimited".  Empty: none of these.
std::optional<std::uint64_t> parse_process_limit(std::string_view name, std::string_view text);

/// "150%": hundredths of one processor, 1 to 1 000 000.
std::optional<std::uint32_t> parse_quota(std::string_view text);

/// Whether only a transient unit of systemd can hold this task.
bool needs_unit(const Task& task);

// For the list of fields: false when the value has a wrong type; throw Error where a name or the
// value of one is wrong.
bool set_process_limits(Task& task, const FieldValue& value);
bool set_sandbox(Task& task, const FieldValue& value);
bool is_size_or_empty(std::string_view text);
bool is_quota_or_empty(std::string_view text);

} // namespace roleswap::task
