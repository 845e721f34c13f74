#include "config/parse.hpp"
#include "config/rules.hpp"
#include <array>

namespace roleswap::config {

using namespace std::chrono_literals;

void Parser::parse_guard(const base::TomlValue& table)
{
    constexpr std::array<std::string_view, 2> keys{"watchdog", "watchdog_timeout"};
    const Section section{path_, "guard", table, keys};
    auto& guard = config_.guard;
    section.read("watchdog", guard.watchdog, rules::path);
    section.read("watchdog_timeout", guard.watchdog_timeout, Section::Durations{5s, 10min});
    const auto* timeout = section.find("watchdog_timeout");
    // The kernel counts it in seconds (watchdog-api.rst, WDIOC_SETTIMEOUT).
    if (timeout && guard.watchdog_timeout % 1s != 0ms)
        section.refuse(*timeout, "watchdog_timeout", "whole seconds");
    if (timeout && guard.watchdog.empty())
        section.fail(*timeout, "guard.watchdog_timeout without a watchdog",
                     "it together with watchdog = \"/dev/watchdog\"");
}

} // namespace roleswap::config
