#include "base/escape.hpp"
#include "config/parse.hpp"
#include "config/rules.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>

/// [fence]: how a silent peer is switched off.
namespace roleswap::config {
namespace {

using base::TomlValue;
using Device = Fence::Kind;
using TomlKind = TomlValue::Kind;
using namespace std::chrono_literals;

/// 9600 8N1 is what power switches of that age speak.
constexpr auto switch_bauds =
    std::to_array<std::int64_t>({300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200});

constexpr std::string_view of_all[]{"kind", "delay"};
constexpr std::string_view of_devices[]{"timeout", "command_timeout", "attempts", "monitor",
                                        "node"};
constexpr std::string_view of_agent[]{"command", "options", "secret_files"};
constexpr std::string_view of_serial[]{"port", "baud", "data_bits", "parity", "stop_bits", "trust"};

/// A bare name is an agent of the package fence-agents.
bool is_command(std::string_view text)
{
    if (text.starts_with('/')) return rules::path.test(text);
    return text.starts_with("fence_") && task::is_valid_name(text);
}

bool is_option(std::string_view text)
{
    return !text.empty() && text != "action" &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "_-") == std::string_view::npos;
}

bool is_one_line(std::string_view text)
{
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

bool is_bytes(std::string_view text)
{
    return !text.empty() && base::unescape(text).has_value();
}

bool is_parity(std::string_view text)
{
    return text == "none" || text == "odd" || text == "even";
}

const Section::Rule command_rule{
    is_command, "an absolute path, or the name of an agent in /usr/sbin such as \"fence_ipmilan\""};
const Section::Rule bytes_rule{
    is_bytes, "ASCII text with the escapes \\r \\n \\t \\e \\\\ and \\xHH, at least one byte"};
const Section::Rule parity_rule{is_parity, "\"none\", \"odd\" or \"even\""};

/// A password in a file that everybody may read is none.
bool is_secret(std::string_view option)
{
    return option.find("passw") != std::string_view::npos && !option.ends_with("_script");
}

} // namespace

void Parser::parse_fence(const TomlValue& table)
{
    constexpr std::array<std::string_view, 16> keys{
        "kind",      "delay",        "timeout",   "command_timeout",
        "attempts",  "monitor",      "node",      "command",
        "options",   "secret_files", "port",      "baud",
        "data_bits", "parity",       "stop_bits", "trust"};
    const Section section{path_, "fence", table, keys};
    const auto& kind = section.require("kind", "kind = \"agent\", \"serial\" or \"meatware\"");
    auto& fence = config_.fence;
    constexpr std::array kinds{std::pair{std::string_view("agent"), Device::agent},
                               std::pair{std::string_view("serial"), Device::serial},
                               std::pair{std::string_view("meatware"), Device::meatware}};
    const auto* chosen =
        std::ranges::find(kinds, kind.text, [](auto& entry) { return entry.first; });
    if (kind.kind != TomlKind::text || chosen == kinds.end())
        section.refuse(kind, "kind", "\"agent\", \"serial\" or \"meatware\"");
    fence.kind = chosen->second;
    refuse_foreign_keys(section, table);
    section.read("delay", fence.delay, Section::Durations{0ms, 5min});
    section.read("timeout", fence.timeout, Section::Durations{1s, 30min});
    section.read("command_timeout", fence.command_timeout, Section::Durations{100ms, 10min});
    section.read("monitor", fence.monitor, Section::Durations{0ms, 24h});
    section.read("attempts", fence.attempts, Section::Numbers{1, 10});
    if (fence.kind == Device::agent) parse_agent(section);
    if (fence.kind == Device::serial) parse_switch(section);
}

/// What the kind does not know is not silently ignored.
void Parser::refuse_foreign_keys(const Section& section, const TomlValue& table) const
{
    const auto kind = config_.fence.kind;
    std::vector<std::string_view> known(std::begin(of_all), std::end(of_all));
    const auto add = [&](const auto& keys) {
        known.insert(known.end(), std::begin(keys), std::end(keys));
    };
    if (kind != Device::meatware) add(of_devices);
    if (kind == Device::agent) add(of_agent);
    if (kind == Device::serial) add(of_serial);
    for (const auto& entry : table.entries) {
        if (std::ranges::find(known, entry.key) != known.end()) continue;
        section.fail(
            entry.value,
            fmt::format("fence.{} with kind = \"{}\"", entry.key, section.find("kind")->text),
            fmt::format("{}", fmt::join(known, ", ")));
    }
}

void Parser::parse_agent(const Section& section)
{
    auto& fence = config_.fence;
    section.require("command", command_rule.allowed);
    section.read("command", fence.command, command_rule);
    if (!fence.command.starts_with('/')) fence.command = "/usr/sbin/" + fence.command;
    constexpr std::array<std::string_view, 2> keys{"options", "secret_files"};
    for (const auto which : both) read_agent_options(section, which);
    const auto* nodes = section.find("node");
    if (nodes == nullptr) return;
    const auto named = per_node(section, "node", *nodes);
    for (const auto which : both) {
        const auto& node = config_.nodes.at(which).name;
        if (const auto* own = named.find(node))
            read_agent_options({path_, named.label(node), *own, keys}, which);
    }
}

/// Options of one table, over those that are there already.
void Parser::read_agent_options(const Section& section, core::Node which)
{
    auto& fence = config_.fence;
    const auto each = [&](std::string_view key, auto take) {
        const auto* table = section.find(key);
        if (table == nullptr) return;
        if (table->kind != TomlKind::table)
            section.refuse(*table, key, "a table of options of the agent");
        for (const auto& [name, line, column, value] : table->entries) {
            const auto label = fmt::format("{}.{}", key, name);
            if (!is_option(name))
                section.fail(value, section.label(label),
                             "names of options as the agent has them, but for \"action\"");
            take(name, label, value);
        }
    };
    each("options", [&](const std::string& name, const std::string& label, const TomlValue& value) {
        if (is_secret(name))
            section.fail(value, section.label(label),
                         fmt::format("secret_files = {{ {} = \"/path\" }}, the path of a file of "
                                     "mode 0600 with the password in its first line",
                                     name));
        const bool plain = value.kind == TomlKind::text || value.kind == TomlKind::integer ||
                           value.kind == TomlKind::real || value.kind == TomlKind::boolean;
        if (!plain || !is_one_line(value.text))
            section.refuse(value, label, "a text of one line, a number, true or false");
        const bool flag = value.kind == TomlKind::boolean;
        fence.options.at(which)[name] = flag ? (value.boolean ? "1" : "0") : value.text;
    });
    each("secret_files",
         [&](const std::string& name, const std::string& label, const TomlValue& value) {
             if (value.kind != TomlKind::text || !rules::path.test(value.text))
                 section.refuse(value, label, rules::path.allowed);
             fence.secret_files.at(which)[name] = value.text;
         });
}

void Parser::parse_switch(const Section& section)
{
    auto& fence = config_.fence;
    const auto& ports = section.require("port", "port = { NODE = \"/dev/ttyS1\", ... }, the port "
                                                "of the node that switches the other off");
    const auto named = per_node(section, "port", ports);
    for (const auto which : both) {
        const auto& node = config_.nodes.at(which).name;
        named.require(node, "the path of a serial port for each node");
        named.read(node, fence.port.at(which), rules::path);
        claim_port(which, fence.port.at(which), "the fence", ports);
    }
    if (const auto* baud = section.find("baud")) {
        const bool known = baud->kind == TomlKind::integer &&
                           std::ranges::find(switch_bauds, baud->integer) != switch_bauds.end();
        if (!known)
            section.refuse(*baud, "baud", fmt::format("one of {}", fmt::join(switch_bauds, ", ")));
        fence.baud = static_cast<std::uint32_t>(baud->integer);
    }
    section.read("data_bits", fence.data_bits, Section::Numbers{7, 8});
    section.read("stop_bits", fence.stop_bits, Section::Numbers{1, 2});
    section.read("parity", fence.parity, parity_rule);
    if (const auto* trust = section.find("trust")) {
        if (trust->kind != TomlKind::boolean) section.refuse(*trust, "trust", "true or false");
        fence.trust = trust->boolean;
    }
    const auto& nodes = section.require("node", "node.NAME.off, the bytes that switch NAME off");
    const auto of_node = per_node(section, "node", nodes);
    for (const auto which : both) {
        const auto& node = config_.nodes.at(which).name;
        parse_words(of_node, which, of_node.require(node, "a table with the bytes for each node"));
    }
}

/// What is said to the switch about one node.
void Parser::parse_words(const Section& nodes, core::Node which, const TomlValue& table)
{
    constexpr std::array<std::string_view, 5> keys{"off", "off_answer", "status", "status_on",
                                                   "status_off"};
    const Section section{path_, nodes.label(config_.nodes.at(which).name), table, keys};
    auto& words = config_.fence.words.at(which);
    section.require("off", bytes_rule.allowed);
    const auto read = [&](std::string_view key, std::string& target) {
        std::string text;
        section.read(key, text, bytes_rule);
        target = base::unescape(text).value_or("");
    };
    read("off", words.off);
    read("off_answer", words.off_answer);
    read("status", words.status);
    read("status_on", words.status_on);
    read("status_off", words.status_off);
    if (words.status.empty() != words.status_off.empty())
        section.fail(table, section.label("status") + " without status_off or the reverse",
                     "both, or neither");
    if (!words.status_on.empty() && words.status.empty())
        section.fail(table, section.label("status_on") + " without status", "status with it");
    const bool answers = !words.off_answer.empty() || !words.status_off.empty();
    if (!answers && !config_.fence.trust)
        section.fail(table, section.label("off") + " without any answer that confirms it",
                     "off_answer, or status and status_off; or trust = true in [fence], which "
                     "takes the peer for dead although nothing says so");
}

} // namespace roleswap::config
