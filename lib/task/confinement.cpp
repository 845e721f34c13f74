#include "task/confinement.hpp"
#include "base/nearest.hpp"
#include "base/quantity.hpp"
#include "task/error.hpp"
#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace roleswap::task {
namespace {

using Texts = std::map<std::string, std::string>;

/// Those that mean something for a command and need no second property to be safe.  What would
/// reach beyond the run (devices of the host, other units) is left to real unit files.
constexpr std::array sandbox{
    SandboxProperty{"InaccessiblePaths", SandboxKind::paths},
    SandboxProperty{"LockPersonality"},
    SandboxProperty{"MemoryDenyWriteExecute"},
    SandboxProperty{"NoNewPrivileges"},
    SandboxProperty{"PrivateDevices"},
    SandboxProperty{"PrivateIPC"},
    SandboxProperty{"PrivateNetwork"},
    SandboxProperty{"PrivateTmp"},
    SandboxProperty{"PrivateUsers"},
    SandboxProperty{"ProtectClock"},
    SandboxProperty{"ProtectControlGroups"},
    SandboxProperty{"ProtectHome", SandboxKind::word, " yes no read-only tmpfs "},
    SandboxProperty{"ProtectHostname"},
    SandboxProperty{"ProtectKernelLogs"},
    SandboxProperty{"ProtectKernelModules"},
    SandboxProperty{"ProtectKernelTunables"},
    SandboxProperty{"ProtectProc", SandboxKind::word, " noaccess invisible ptraceable default "},
    SandboxProperty{"ProtectSystem", SandboxKind::word, " yes no full strict "},
    SandboxProperty{"ReadOnlyPaths", SandboxKind::paths},
    SandboxProperty{"ReadWritePaths", SandboxKind::paths},
    SandboxProperty{"RestrictAddressFamilies", SandboxKind::filter},
    SandboxProperty{"RestrictRealtime"},
    SandboxProperty{"RestrictSUIDSGID"},
    SandboxProperty{"SystemCallFilter", SandboxKind::filter},
};

constexpr std::array process_limits{
    ProcessLimitName{"as", "AS"},         ProcessLimitName{"core", "CORE"},
    ProcessLimitName{"cpu", "CPU"},       ProcessLimitName{"data", "DATA"},
    ProcessLimitName{"fsize", "FSIZE"},   ProcessLimitName{"memlock", "MEMLOCK"},
    ProcessLimitName{"nofile", "NOFILE"}, ProcessLimitName{"nproc", "NPROC"},
    ProcessLimitName{"stack", "STACK"},
};

template <class List>
[[noreturn]] void fail_unknown(const char* kind, const std::string& name, const List& list)
{
    std::vector<std::string_view> names;
    for (const auto& known : list) names.push_back(known.name);
    throw Error(1, base::unknown_word(kind, name, names),
                fmt::format("{}", fmt::join(names, ", ")));
}

bool are_paths(std::string_view text)
{
    bool any = false;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (word.empty()) continue;
        const auto path = word.substr(word.starts_with('-') ? 1 : 0); // "-": may be missing
        if (!path.starts_with('/')) return false;
        any = true;
    }
    return any;
}

bool is_filter(std::string_view text)
{
    if (text.starts_with('~')) text.remove_prefix(1);
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_' || c == '-' || c == '@' || c == ' ';
    });
}

/// What may stand there, where `text` may not; else empty.
std::string fault_of(const SandboxProperty& property, const std::string& text)
{
    switch (property.kind) {
    case SandboxKind::flag:
        return parse_flag(text) ? "" : "\"yes\" or \"no\"";
    case SandboxKind::word:
        return property.words.find(" " + text + " ") != std::string_view::npos
                   ? ""
                   : fmt::format("one of{}", property.words.substr(0, property.words.size() - 1));
    case SandboxKind::paths:
        return are_paths(text) ? "" : "absolute paths with spaces between";
    case SandboxKind::filter:
        return is_filter(text) ? "" : "names with spaces between, all but these after \"~\"";
    }
    return "";
}

} // namespace

std::span<const SandboxProperty> sandbox_properties()
{
    return sandbox;
}

const SandboxProperty* find_sandbox_property(std::string_view name)
{
    const auto found = std::ranges::find(sandbox, name, &SandboxProperty::name);
    return found == sandbox.end() ? nullptr : &*found;
}

std::optional<bool> parse_flag(std::string_view text)
{
    if (text == "yes" || text == "true" || text == "on" || text == "1") return true;
    if (text == "no" || text == "false" || text == "off" || text == "0") return false;
    return std::nullopt;
}

std::span<const ProcessLimitName> process_limit_names()
{
    return process_limits;
}

std::optional<std::uint64_t> parse_process_limit(std::string_view name, std::string_view text)
{
    if (text == "unlimited") return no_limit;
    if (const auto number = base::parse_size(text)) return number;
    if (name != "cpu") return std::nullopt;
    const auto time = base::parse_duration(text);
    if (!time || *time < std::chrono::seconds(1)) return std::nullopt;
    return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(*time).count());
}

std::optional<std::uint32_t> parse_quota(std::string_view text)
{
    std::uint32_t percent = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, percent);
    const bool whole = read.ec == std::errc{} && read.ptr + 1 == end && text.back() == '%';
    if (!whole || percent == 0 || percent > 1'000'000) return std::nullopt;
    return percent;
}

bool needs_unit(const Task& task)
{
    return task.unit || !task.sandbox.empty() || !task.memory_max.empty() ||
           !task.cpu_quota.empty() || task.cpu_weight > 0 || task.io_weight > 0 ||
           task.tasks_max > 0;
}

bool set_process_limits(Task& task, const FieldValue& value)
{
    const auto* map = std::get_if<Texts>(&value);
    if (map == nullptr) return false;
    for (const auto& [name, text] : *map) {
        if (std::ranges::find(process_limits, name, &ProcessLimitName::name) ==
            process_limits.end())
            fail_unknown("limit", name, process_limits);
        if (!parse_process_limit(name, text))
            throw Error(1, fmt::format("rlimit.{} = \"{}\"", name, text),
                        name == "cpu" ? "a duration such as \"90s\", or \"unlimited\""
                                      : "a number, a size such as \"64MiB\", or \"unlimited\"");
    }
    task.rlimit = *map;
    return true;
}

bool set_sandbox(Task& task, const FieldValue& value)
{
    const auto* map = std::get_if<Texts>(&value);
    if (map == nullptr) return false;
    for (const auto& [name, text] : *map) {
        const auto* property = find_sandbox_property(name);
        if (property == nullptr) fail_unknown("property", name, sandbox);
        if (const auto allowed = fault_of(*property, text); !allowed.empty())
            throw Error(1, fmt::format("sandbox.{} = \"{}\"", name, text), allowed);
    }
    task.sandbox = *map;
    return true;
}

bool is_size_or_empty(std::string_view text)
{
    return text.empty() || base::parse_size(text).value_or(0) > 0;
}

bool is_quota_or_empty(std::string_view text)
{
    return text.empty() || parse_quota(text);
}

} // namespace roleswap::task
