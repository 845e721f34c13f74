#include "base/quantity.hpp"
#include "config/parse.hpp"
#include "config/rules.hpp"
#include "wire/serial_pace.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>

/// Null-modem links.
namespace roleswap::config {
namespace {

using base::TomlValue;
using std::chrono::milliseconds;

/// Slower ones cannot answer a challenge within its life of 1 s.
constexpr auto link_bauds =
    std::to_array<std::int64_t>({9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600});

} // namespace

void Parser::parse_serial(const Section& section, const TomlValue& ports)
{
    auto& link = config_.links.back();
    for (const auto* key : {"address", "port", "device"})
        if (const auto* found = section.find(key))
            section.fail(*found, fmt::format("{} beside serial", section.label(key)),
                         "name, serial and baud for a serial link");
    const auto names = per_node(section, "serial", ports);
    for (const auto which : both) {
        const auto& node = config_.nodes.at(which).name;
        names.require(node, "the path of a serial port for each node");
        names.read(node, link.serial.at(which), rules::path);
        claim_port(which, link.serial.at(which), "link " + link.name, ports);
    }
    if (const auto* baud = section.find("baud")) {
        const bool known = baud->kind == TomlValue::Kind::integer &&
                           std::ranges::find(link_bauds, baud->integer) != link_bauds.end();
        if (!known)
            section.refuse(*baud, "baud", fmt::format("one of {}", fmt::join(link_bauds, ", ")));
        link.baud = static_cast<std::uint32_t>(baud->integer);
    }
    check_pace(section, ports);
}

void Parser::claim_port(core::Node which, const std::string& path, const std::string& user,
                        const TomlValue& at)
{
    const auto [first, is_new] = ports_.emplace(std::pair(which, path), user);
    if (is_new) return;
    throw Error({path_, at.line, at.column},
                fmt::format("{} has the serial port {} of {}, which {} has already; allowed: each "
                            "port once",
                            user, path, config_.nodes.at(which).name, first->second));
}

/// Where the other links are dead this one alone has to keep the pair calm.
void Parser::check_pace(const Section& section, const TomlValue& ports) const
{
    const auto& link = config_.links.back();
    const auto& pair = config_.pair;
    const auto pace = wire::serial_pace(link.baud, pair.heartbeat);
    if (pair.takeover_delay >= pace.takeover_delay_min()) return;
    const auto ms = [](auto time) { return std::chrono::ceil<milliseconds>(time).count(); };
    section.fail(section.find("baud") ? *section.find("baud") : ports,
                 fmt::format("{} with takeover_delay = \"{}\": at {} baud a message takes {} ms, "
                             "one is sent each {} ms and an answer may take {} ms",
                             section.label("serial"), base::duration_text(pair.takeover_delay),
                             link.baud, ms(pace.message), ms(pace.interval), ms(pace.answer)),
                 fmt::format("a takeover_delay of at least \"{}\", or a higher baud",
                             base::duration_text(pace.takeover_delay_min())));
}

} // namespace roleswap::config
