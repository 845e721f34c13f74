#include "config/config.hpp"
#include "config/store_unit.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace roleswap::config_test {

using namespace config;
using namespace std::chrono_literals;

namespace {

const std::string good = R"([pair]
name = "alpha"
probes = ["10.0.0.254"]
[[node]]
name = "left"
[[node]]
name = "right"
[[link]]
name = "lan-a"
address = { left = "10.0.1.1", right = "10.0.1.2" }
)";

std::string changed(const std::string& from, const std::string& to)
{
    auto text = good;
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}
std::string after(const std::string& line, const std::string& more)
{
    return changed(line, fmt::format("{}{}\n", line, more));
}
std::string in_pair(const std::string& line)
{
    return after("name = \"alpha\"\n", line);
}
std::string in_second_node(const std::string& line)
{
    return after("name = \"right\"\n", line);
}
std::string both_external(const std::string& left, const std::string& right)
{
    const auto lines = [](const std::string& node, const std::string& version) {
        return fmt::format("name = \"{}\"\nstore = \"external\"\n"
                           "store_unit = \"postgresql@{}-main.service\"\n",
                           node, version);
    };
    auto text = changed("name = \"left\"\n", lines("left", left));
    const std::string second = "name = \"right\"\n";
    return text.replace(text.find(second), second.size(), lines("right", right));
}
std::string with(const std::string& more)
{
    return good + more + "\n";
}
/// A node "far" with that line, and `address` after that of the right node.
std::string with_dr(const std::string& line, const std::string& address)
{
    return changed("\"10.0.1.2\"", "\"10.0.1.2\"" + address) + "[[node]]\nname = \"far\"\n" + line +
           "\n";
}
std::string in_section(const std::string& name, const std::string& line)
{
    return with(fmt::format("[{}]\n{}", name, line));
}
std::string with_links(int count)
{
    auto text = good;
    for (int i = 0; i < count; ++i)
        text +=
            fmt::format("[[link]]\nname = \"l{0}\"\naddress = {{ left = \"10.1.{0}.1\", right = "
                        "\"10.1.{0}.2\" }}\n",
                        i);
    return text;
}

std::string fault(const std::string& text)
{
    try {
        parse(text, "f");
    } catch (const Error& error) {
        return error.what();
    }
    return "no fault";
}

} // namespace

TEST_CASE("each bad configuration is told with its place and what is allowed", "[config]")
{
    struct Row {
        std::string text;
        std::string message;
    };
    // clang-format off
    const std::vector<Row> rows{
    {"",
     R"(f:1:1: no pair; allowed: a [pair] section with the name of the pair)"},
    {"[pair\n",
     R"(f:1:6: Error while parsing table header: expected ']', saw '\n'; allowed: TOML 1.0)"},
    {R"(name = "alpha"
)",
     R"(f:1:1: unknown key "name"; allowed: pair, node, link, store, work, witness, guard, fence)"},
    {"pair = 5\n",
     R"(f:1:8: pair = 5; allowed: a table)"},
    {changed(R"([pair]
name = "alpha"
probes = ["10.0.0.254"]
)", ""),
     R"(f:1:1: no pair; allowed: a [pair] section with the name of the pair)"},
    {changed(R"(name = "alpha"
)", ""),
     R"(f:1:1: no name in pair; allowed: 1 to 64 of the characters A-Z a-z 0-9 . _ -)"},
    {changed(R"("alpha")", "5"),
     R"(f:2:8: pair.name = 5; allowed: 1 to 64 of the characters A-Z a-z 0-9 . _ -)"},
    {changed(R"("alpha")", R"("two words")"),
     R"(f:2:8: pair.name = "two words"; allowed: 1 to 64 of the characters A-Z a-z 0-9 . _ -)"},
    {changed(R"("alpha")", R"("")"),
     R"(f:2:8: pair.name = ""; allowed: 1 to 64 of the characters A-Z a-z 0-9 . _ -)"},
    {changed(R"(name = "alpha"
)", R"(name = "alpha"
name = "alpha"
)"),
     R"(f:3:8: Error while parsing key-value pair: cannot redefine existing string 'name'; allowed: TOML 1.0)"},
    {in_pair(R"(takover_delay = "2s")"),
     R"(f:3:1: pair: unknown key "takover_delay", did you mean "takeover_delay"?; allowed: name, takeover_delay, heartbeat, probes, key_file)"},
    {in_pair(R"(colour = "red")"),
     R"(f:3:1: pair: unknown key "colour"; allowed: name, takeover_delay, heartbeat, probes, key_file)"},
    {in_pair(R"(takeover_delay = "200ms")"),
     R"(f:3:18: pair.takeover_delay = "200ms"; allowed: a duration from "300ms" to "10m")"},
    {in_pair(R"(takeover_delay = "20m")"),
     R"(f:3:18: pair.takeover_delay = "20m"; allowed: a duration from "300ms" to "10m")"},
    {in_pair("takeover_delay = 5"),
     R"(f:3:18: pair.takeover_delay = 5; allowed: a duration from "300ms" to "10m")"},
    {in_pair(R"(takeover_delay = "5 s")"),
     R"(f:3:18: pair.takeover_delay = "5 s"; allowed: a duration from "300ms" to "10m")"},
    {in_pair(R"(takeover_delay = "soon")"),
     R"(f:3:18: pair.takeover_delay = "soon"; allowed: a duration from "300ms" to "10m")"},
    {in_pair(R"(heartbeat = "5ms")"),
     R"(f:3:13: pair.heartbeat = "5ms"; allowed: a duration from "10ms" to "1s")"},
    {in_pair(R"(heartbeat = "300ms")"),
     R"(f:3:13: pair.heartbeat = "300ms" with takeover_delay = "1s"; allowed: a heartbeat of at most a fifth of takeover_delay, "200ms")"},
    {in_pair(R"(takeover_delay = "300ms"
heartbeat = "61ms")"),
     R"(f:4:13: pair.heartbeat = "61ms" with takeover_delay = "300ms"; allowed: a heartbeat of at most a fifth of takeover_delay, "60ms")"},
    {in_pair(R"(key_file = "pair.key")"),
     R"(f:3:12: pair.key_file = "pair.key"; allowed: an absolute path)"},
    {in_pair("key_file = true"),
     R"(f:3:12: pair.key_file = true; allowed: an absolute path)"},
    {changed(R"(["10.0.0.254"])", R"("10.0.0.254")"),
     R"(f:3:10: pair.probes = "10.0.0.254"; allowed: a list of texts, each the IPv4 or IPv6 address of a host, in numbers)"},
    {changed(R"("10.0.0.254")", R"("router")"),
     R"(f:3:11: pair.probes = "router"; allowed: a list of texts, each the IPv4 or IPv6 address of a host, in numbers)"},
    {changed(R"("10.0.0.254")", R"("10.0.0.256")"),
     R"(f:3:11: pair.probes = "10.0.0.256"; allowed: a list of texts, each the IPv4 or IPv6 address of a host, in numbers)"},
    {changed(R"("10.0.0.254")", R"("10.0.0.254", "10.0.0.254")"),
     R"(f:3:25: pair.probes has "10.0.0.254" twice; allowed: each once)"},
    {changed(R"("10.0.0.254")", R"("10.0.1.2")"),
     R"(f:3:11: pair.probes has "10.0.1.2", which is right on link lan-a; allowed: addresses of other hosts, such as the router)"},
    {changed(R"("10.0.0.254")", "254"),
     R"(f:3:11: pair.probes = 254; allowed: a list of texts, each the IPv4 or IPv6 address of a host, in numbers)"},
    {changed(R"([[node]]
name = "right"
)", ""),
     R"(f:4:1: 1 [[node]] section; allowed: exactly two [[node]] sections, and at most one more with role = "dr")"},
    {with_dr("role = \"standby\"", ""),
     R"(f:13:8: node 3: role = "standby"; allowed: "dr"; the two nodes of the pair have no role)"},
    {with_dr("role = \"dr\"", ""),
     R"(f:8:1: no link with an address of the dr node "far"; allowed: at least one link with address = { left = "IP", right = "IP", far = "IP" })"},
    {with_dr("role = \"dr\"\n[[node]]\nname = \"more\"\nrole = \"dr\"", ", far = \"10.0.1.3\""),
     R"(f:14:1: a second dr node; allowed: exactly two [[node]] sections, and at most one more with role = "dr")"},
    {with_dr("role = \"dr\"\nhosts = [\"LEFT\"]", ", far = \"10.0.1.3\""),
     R"(f:14:9: both nodes have the host name "LEFT"; allowed: a host name in one node only)"},
    {with_dr("role = \"dr\"", ", far = \"10.0.1.2\""),
     R"(f:10:58: link 1: address = "10.0.1.2" is right on link lan-a already; allowed: each address once)"},
    {with_dr("role = \"dr\"", ", far = \"fe80::1\""),
     R"(f:10:11: link 1: IPv4 on one side, IPv6 on the other; allowed: the same on all)"},
    {in_second_node("role = \"dr\""),
     R"(f:4:1: 1 [[node]] section without a role; allowed: exactly two [[node]] sections, and at most one more with role = "dr")"},
    {with(R"([[node]]
name = "third")"),
     R"(f:11:1: 3 [[node]] sections; allowed: exactly two [[node]] sections, and at most one more with role = "dr")"},
    {changed(R"([[node]]
name = "left"
[[node]]
name = "right"
)", R"([node]
name = "left"
)"),
     R"(f:4:1: node = a table; allowed: exactly two [[node]] sections, and at most one more with role = "dr")"},
    {changed(R"([[node]]
name = "left"
)", "[[node]]\n"),
     R"(f:4:1: no name in node 1; allowed: 1 to 64 of the characters A-Z a-z 0-9 . _ -)"},
    {changed(R"("right")", R"("left")"),
     R"(f:7:8: both nodes are named "left"; allowed: two names)"},
    {in_second_node(R"(hosts = ["Left"])"),
     R"(f:8:9: both nodes have the host name "Left"; allowed: a host name in one node only)"},
    {in_second_node("hosts = []"),
     R"(f:8:9: node 2: hosts = an empty list; allowed: at least one name)"},
    {in_second_node(R"(hosts = "right.example.org")"),
     R"(f:8:9: node 2: hosts = "right.example.org"; allowed: a list of texts, each a host name)"},
    {in_second_node(R"(hosts = ["-x"])"),
     R"(f:8:10: node 2: hosts = "-x"; allowed: a list of texts, each a host name)"},
    {in_second_node(R"(data_dir = "var")"),
     R"(f:8:12: node 2: data_dir = "var"; allowed: an absolute path)"},
    {in_second_node(R"(data_dir = "/run/roleswap")"),
     R"(f:6:1: node right: data_dir and run_dir are both "/run/roleswap"; allowed: two folders)"},
    {in_second_node("store_port = 0"),
     R"(f:8:14: node 2: store_port = 0; allowed: a whole number from 1 to 65535)"},
    {in_second_node("store_port = 70000"),
     R"(f:8:14: node 2: store_port = 70000; allowed: a whole number from 1 to 65535)"},
    {in_second_node(R"(store_port = "7432")"),
     R"(f:8:14: node 2: store_port = "7432"; allowed: a whole number from 1 to 65535)"},
    {in_second_node(R"(rank = "dr")"),
     R"(f:8:1: node 2: unknown key "rank"; allowed: name, hosts, data_dir, run_dir, store_port, role, store, store_unit)"},
    {in_second_node(R"(store = "internal")"),
     R"(f:8:9: node 2: store = "internal"; allowed: "managed" or "external")"},
    {in_second_node(R"(store = "external")"),
     R"(f:6:1: no store_unit in node 2; allowed: the unit of a cluster of postgresql-common, 14 or newer, such as "postgresql@15-main.service")"},
    {in_second_node(R"(store = "external"
store_unit = "postgresql.service")"),
     R"(f:9:14: node 2: store_unit = "postgresql.service"; allowed: the unit of a cluster of postgresql-common, 14 or newer, such as "postgresql@15-main.service")"},
    {in_second_node(R"(store = "external"
store_unit = "postgresql@13-main.service")"),
     R"(f:9:14: node 2: store_unit = "postgresql@13-main.service"; allowed: the unit of a cluster of postgresql-common, 14 or newer, such as "postgresql@15-main.service")"},
    {in_second_node(R"(store = "external"
store_unit = "postgresql@15-../main.service")"),
     R"(f:9:14: node 2: store_unit = "postgresql@15-../main.service"; allowed: the unit of a cluster of postgresql-common, 14 or newer, such as "postgresql@15-main.service")"},
    {in_second_node(R"(store_unit = "postgresql@15-main.service")"),
     R"(f:8:14: node 2: store_unit without store = "external"; allowed: store_unit with store = "external")"},
    {both_external("14", "15"),
     R"(f:11:14: PostgreSQL 14 on node left, 15 on node right; allowed: the same version on both: a mirror needs it)"},
    {changed(R"([[link]]
name = "lan-a"
address = { left = "10.0.1.1", right = "10.0.1.2" }
)", ""),
     R"(f:1:1: no link; allowed: one to eight [[link]] sections)"},
    {with_links(8),
     R"(f:32:1: 9 [[link]] sections; allowed: one to eight [[link]] sections)"},
    {changed(R"(, right = "10.0.1.2")", ""),
     R"(f:10:11: no right in link 1: address; allowed: an address for each node)"},
    {changed(R"(right = "10)", R"(rigth = "10)"),
     R"(f:10:32: link 1: address: unknown key "rigth", did you mean "right"?; allowed: left, right)"},
    {changed(R"("10.0.1.2")", R"("right.example.org")"),
     R"(f:10:40: link 1: address: right = "right.example.org"; allowed: the IPv4 or IPv6 address of a host, in numbers)"},
    {changed(R"("10.0.1.2")", R"("10.0.1.1")"),
     R"(f:10:40: link 1: address = "10.0.1.1" is left on link lan-a already; allowed: each address once)"},
    {changed(R"("10.0.1.2")", R"("fd00::2")"),
     R"(f:10:11: link 1: IPv4 on one side, IPv6 on the other; allowed: the same on both)"},
    {changed(R"("10.0.1.2")", R"("224.0.0.1")"),
     R"(f:10:40: link 1: address: right = "224.0.0.1"; allowed: the IPv4 or IPv6 address of a host, in numbers)"},
    {changed(R"("10.0.1.2")", R"("10.0.1.2/24")"),
     R"(f:10:40: link 1: address: right = "10.0.1.2/24"; allowed: the IPv4 or IPv6 address of a host, in numbers)"},
    {changed(R"(address = { left = "10.0.1.1", right = "10.0.1.2" })", R"(address = "10.0.1.1")"),
     R"(f:10:11: link 1: address = "10.0.1.1"; allowed: a table)"},
    {changed(R"(address = { left = "10.0.1.1", right = "10.0.1.2" }
)", ""),
     R"(f:8:1: no address in link 1; allowed: address = { NODE = "IP", NODE = "IP" })"},
    {with("port = 65536"),
     R"(f:11:8: link 1: port = 65536; allowed: a whole number from 1 to 65535)"},
    {with(R"(device = { left = "a-very-long-device" })"),
     R"(f:11:19: link 1: device: left = "a-very-long-device"; allowed: the name of a network interface, at most 15 characters)"},
    {with(R"(device = { middle = "eth0" })"),
     R"(f:11:12: link 1: device: unknown key "middle"; allowed: left, right)"},
    {with("speed = 1000"),
     R"(f:11:1: link 1: unknown key "speed"; allowed: name, address, port, device, serial, baud)"},
    {with(R"([[link]]
name = "lan-a"
address = { left = "10.0.2.1", right = "10.0.2.2" })"),
     R"(f:12:8: a second link "lan-a"; allowed: each name once)"},
    {with(R"([[link]]
name = "lan-b"
address = { left = "fd00::1", right = "FD00:0::1" })"),
     R"(f:13:39: link 2: address = "FD00:0::1" is left on link lan-b already; allowed: each address once)"},
    {in_section("store", R"(kind = "external")"),
     R"(f:12:8: store.kind = "external"; allowed: "managed")"},
    {in_section("store", R"(allow = ["10.0.0.0"])"),
     R"(f:12:10: store.allow = "10.0.0.0"; allowed: a list of texts, each a network such as "10.0.0.0/16" or "fd00::/8")"},
    {in_section("store", R"(allow = ["10.0.0.0/33"])"),
     R"(f:12:10: store.allow = "10.0.0.0/33"; allowed: a list of texts, each a network such as "10.0.0.0/16" or "fd00::/8")"},
    {in_section("store", R"(settings = { fsync = "off" })"),
     R"(f:12:14: store.settings.fsync, which roleswapd sets itself; allowed: other settings of PostgreSQL)"},
    {in_section("store", R"(settings = { listen_addresses = "*" })"),
     R"(f:12:14: store.settings.listen_addresses, which roleswapd sets itself; allowed: other settings of PostgreSQL)"},
    {in_section("store", R"(settings = { recovery_target_time = "now" })"),
     R"(f:12:14: store.settings.recovery_target_time, which roleswapd sets itself; allowed: other settings of PostgreSQL)"},
    {in_section("store", R"(settings = { logging_collector = true })"),
     R"(f:12:14: store.settings.logging_collector, which roleswapd sets itself; allowed: other settings of PostgreSQL)"},
    {in_section("store", R"(settings = { "Shared Buffers" = "1GB" })"),
     R"(f:12:14: store.settings.Shared Buffers; allowed: names of PostgreSQL settings, in small letters)"},
    {in_section("store", R"(settings = { shared_buffers = ["1GB"] })"),
     R"(f:12:31: store.settings.shared_buffers = a list; allowed: a text, a number, true or false)"},
    {in_section("store", R"(user = "a b")"),
     R"(f:12:8: store.user = "a b"; allowed: the name of an account, at most 32 characters)"},
    {in_section("guard", R"(watchdog = "watchdog")"),
     R"(f:12:12: guard.watchdog = "watchdog"; allowed: an absolute path)"},
    {in_section("guard", R"(watchdog = "/dev/watchdog"
watchdog_timeout = "4s")"),
     R"(f:13:20: guard.watchdog_timeout = "4s"; allowed: a duration from "5s" to "10m")"},
    {in_section("guard", R"(watchdog = "/dev/watchdog"
watchdog_timeout = "5500ms")"),
     R"(f:13:20: guard.watchdog_timeout = "5500ms"; allowed: whole seconds)"},
    {in_section("guard", R"(watchdog_timeout = "10s")"),
     R"(f:12:20: guard.watchdog_timeout without a watchdog; allowed: it together with watchdog = "/dev/watchdog")"},
    {in_section("guard", R"(wachdog = "/dev/watchdog")"),
     R"(f:12:1: guard: unknown key "wachdog", did you mean "watchdog"?; allowed: watchdog, watchdog_timeout)"},
    {in_section("work", R"(catch_up = "some")"),
     R"(f:12:12: work.catch_up = "some"; allowed: "none", "last" or "all")"},
    {in_section("work", "catch_up_limit = 0"),
     R"(f:12:18: work.catch_up_limit = 0; allowed: a whole number from 1 to 10000)"},
    {in_section("work", R"(late_limit = "2h")"),
     R"(f:12:14: work.late_limit = "2h"; allowed: a duration from "0s" to "1h")"},
    {in_section("work", R"(timezone = "Europe/Berln")"),
     R"(f:12:12: work.timezone = "Europe/Berln"; allowed: an IANA name such as "Europe/Berlin", or "UTC")"},
    {in_section("work", R"(output_tail = "64KB")"),
     R"(f:12:15: work.output_tail = "64KB"; allowed: a size from 1024 to 16777216 bytes, such as "64KiB")"},
    {in_section("work", R"(output_tail = "100MiB")"),
     R"(f:12:15: work.output_tail = "100MiB"; allowed: a size from 1024 to 16777216 bytes, such as "64KiB")"},
    {in_section("work", "keep_runs = 0"),
     R"(f:12:13: work.keep_runs = 0; allowed: a whole number from 1 to 1000000)"},
    {in_section("work", "keep_runs = 1000001"),
     R"(f:12:13: work.keep_runs = 1000001; allowed: a whole number from 1 to 1000000)"},
    {in_section("work", "keep_days = 36501"),
     R"(f:12:13: work.keep_days = 36501; allowed: a whole number from 1 to 36500)"},
    {in_section("work", R"(hold_after_outage = "2 weeks")"),
     R"(f:12:21: work.hold_after_outage = "2 weeks"; allowed: a duration from "0s" to "366d")"},
    {in_section("work", R"(keep_days = "90d")"),
     R"(f:12:13: work.keep_days = "90d"; allowed: a whole number from 1 to 36500)"},
    {in_section("work", "drain_timeout = 1.5"),
     R"(f:12:17: work.drain_timeout = 1.5; allowed: a duration from "0s" to "1d")"},
    {in_section("witness", R"(user = "x")"),
     R"(f:11:1: no endpoints in witness; allowed: one to nine addresses of one etcd)"},
    {in_section("witness", "endpoints = []"),
     R"(f:12:13: 0 witness.endpoints; allowed: one to nine)"},
    {in_section("witness", R"(endpoints = "https://w:1")"),
     R"(f:12:13: witness.endpoints = "https://w:1"; allowed: a list of texts, each an address such as "https://w1.example.org:2379")"},
    {in_section("witness", R"(endpoints = ["w1:2379"])"),
     R"(f:12:14: witness.endpoints = "w1:2379"; allowed: a list of texts, each an address such as "https://w1.example.org:2379")"},
    {in_section("witness", R"(endpoints = ["https://w1:2379", "https://w1:2379"])"),
     R"(f:12:33: witness.endpoints has "https://w1:2379" twice; allowed: each once)"},
    {in_section("witness", "endpoints = [\"https://w:1\"]\ntimeout = \"300ms\""),
     R"(f:13:11: witness.timeout = "300ms"; allowed: a duration from "20ms" to "200ms")"},
    {in_section("witness", "endpoints = [\"https://w:1\"]\nca_file = \"ca.pem\""),
     R"(f:13:11: witness.ca_file = "ca.pem"; allowed: an absolute path)"},
    {in_section("witness", "endpoints = [\"https://w:1\"]\ncert_file = \"/c\""),
     R"(f:13:13: witness.cert_file without key_file; allowed: both or none)"},
    {in_section("witness", "endpoints = [\"https://w:1\"]\npassword_file = \"/p\""),
     R"(f:13:17: witness.password_file without user; allowed: both or none)"},
    {in_section("witness", "endpoints = [\"http://w:1\"]\nca_file = \"/ca\""),
     R"(f:13:11: witness.ca_file and no https endpoint; allowed: such files for endpoints that begin with https:// only)"},
    {in_section("wrok", R"(drain_timeout = "1s")"),
     R"(f:11:2: unknown key "wrok", did you mean "work"?; allowed: pair, node, link, store, work, witness, guard, fence)"},
    {with(R"([pair]
name = "beta")"),
     R"(f:11:1: Error while parsing table header: cannot redefine existing table 'pair'; allowed: TOML 1.0)"},
    {changed(R"("alpha")", R"("alpha)"),
     R"(f:2:14: Error while parsing string: unescaped control characters other than TAB (U+0009) are explicitly prohibited; allowed: TOML 1.0)"},
    };
    // clang-format on
    for (const auto& [text, message] : rows) {
        INFO(text);
        CHECK(fault(text) == message);
    }
}

TEST_CASE("a small configuration has the documented defaults", "[config]")
{
    const auto config = parse(good, "f");
    CHECK(config.pair.name == "alpha");
    CHECK(config.pair.takeover_delay == 1s);
    CHECK(config.pair.heartbeat == 50ms);
    CHECK(config.pair.probes == std::vector<std::string>{"10.0.0.254"});
    CHECK(config.pair.key_file == "/etc/roleswap/pair.key");
    const auto& right = config.nodes.at(core::Node::second);
    CHECK(right.name == "right");
    CHECK(right.hosts == std::vector<std::string>{"right"});
    CHECK(right.data_dir == "/var/lib/roleswap");
    CHECK(right.run_dir == "/run/roleswap");
    CHECK(right.store_port == 7432);
    REQUIRE(config.links.size() == 1);
    CHECK(config.links[0].port == 7431);
    CHECK(config.links[0].address.at(core::Node::second) == "10.0.1.2");
    CHECK(config.links[0].device.at(core::Node::first).empty());
    CHECK(config.store == Store{});
    CHECK(config.store.user == "roleswap");
    CHECK(config.work == Work{});
    CHECK(config.work.drain_timeout == 60s);
    CHECK(config.work.output_tail == 65536);
}

TEST_CASE("a witness is read, and its endpoints are what etcd's are", "[config]")
{
    CHECK_FALSE(parse(good, "f").witness);
    const auto config =
        parse(in_section("witness", R"(endpoints = ["https://w1:2379", "http://[fd00::1]:1"]
ca_file = "/ca"
cert_file = "/cert"
key_file = "/key"
user = "alpha"
password_file = "/password"
timeout = "150ms")"),
              "f");
    CHECK(config.witness == Witness{.endpoints = {"https://w1:2379", "http://[fd00::1]:1"},
                                    .ca_file = "/ca",
                                    .cert_file = "/cert",
                                    .key_file = "/key",
                                    .user = "alpha",
                                    .password_file = "/password",
                                    .timeout = 150ms});
    CHECK(parse(in_section("witness", R"(endpoints = ["http://w:1"])"), "f").witness->timeout ==
          200ms);
    for (const char* bad : {"https://w1", "https://w1:0", "https://w1:65536", "https://w1:2379/",
                            "https://:2379", "https://a b:1", "https://u@w1:2379", "ftp://w1:1",
                            "https://fd00::1:2379", "https://[fd00::x]:2379", "https://w1:+1"}) {
        INFO(bad);
        CHECK(fault(in_section("witness", fmt::format("endpoints = [\"{}\"]", bad))) != "no fault");
    }
}

TEST_CASE("a full configuration is read field by field", "[config]")
{
    const auto config = parse(R"(
[pair]
name = "alpha"
takeover_delay = "1m30s"
heartbeat = "1s"
probes = []
key_file = "/etc/key"
[[node]]
name = "left"
hosts = ["left.example.org", "l"]
data_dir = "/srv/data"
run_dir = "/run/left"
store_port = 5000
[[node]]
name = "right.b"
[[link]]
name = "crossover"
address = { left = "fd00::1", "right.b" = "fd00::2" }
port = 1
device = { left = "eth2" }
[store]
kind = "managed"
bin_dir = "/usr/lib/postgresql/15/bin"
user = "store"
allow = ["10.0.0.0/16", "fd00::/8"]
settings = { shared_buffers = "128MB", max_connections = 50, jit = false, random_page_cost = 1.1 }
[work]
drain_timeout = "0s"
late_limit = "5s"
catch_up = "all"
catch_up_limit = 7
timezone = "Europe/Berlin"
output_tail = "1MiB"
keep_runs = 20
keep_days = 7
hold_after_outage = "0s"
)",
                              "f");
    CHECK(config.pair ==
          Pair{.name = "alpha", .takeover_delay = 90s, .heartbeat = 1s, .key_file = "/etc/key"});
    CHECK(config.nodes.at(core::Node::first) ==
          config::Node{"left", {"left.example.org", "l"}, "/srv/data", "/run/left", 5000});
    CHECK(config.links[0].address.at(core::Node::second) == "fd00::2");
    CHECK(config.links[0].device.at(core::Node::first) == "eth2");
    CHECK(config.store.settings == std::map<std::string, std::string>{{"shared_buffers", "128MB"},
                                                                      {"max_connections", "50"},
                                                                      {"jit", "false"},
                                                                      {"random_page_cost", "1.1"}});
    CHECK(config.store.allow == std::vector<std::string>{"10.0.0.0/16", "fd00::/8"});
    CHECK(
        config.work ==
        Work{0s, {task::CatchUp::all, 7, 5s, "Europe/Berlin"}, std::uint64_t{1} << 20, 20, 7, 0s});
}

TEST_CASE("a node finds itself by host name with or without domain", "[config]")
{
    const auto config = parse(in_second_node("hosts = [\"r.example.org\", \"right\"]"), "f");
    CHECK(find_self(config, "left") == core::Node::first);
    CHECK(find_self(config, "LEFT.example.org") == core::Node::first);
    CHECK(find_self(config, "right") == core::Node::second);
    CHECK(find_self(config, "r") == core::Node::second);
    CHECK(find_self(config, "r.example.org") == core::Node::second);
    CHECK(find_self(config, "left", "right") == core::Node::second);
    CHECK_THROWS_WITH(
        find_self(config, "other.example.org"),
        "host name \"other.example.org\" means no node in the configuration, which has "
        "\"left\" (hosts left) and \"right\" (hosts r.example.org, right); add it to "
        "hosts of one node, or set ROLESWAP_NODE");
    CHECK_THROWS_WITH(find_self(config, "left", "middle"),
                      "no node \"middle\" in the configuration; it has \"left\" (hosts left) and "
                      "\"right\" (hosts r.example.org, right)");
}

TEST_CASE("a host name that may mean either node is refused", "[config]")
{
    auto config = parse(good, "f");
    config.nodes.at(core::Node::first).hosts = {"db.left.example.org"};
    config.nodes.at(core::Node::second).hosts = {"db.right.example.org"};
    CHECK_THROWS_WITH(find_self(config, "db"), Catch::Contains("may mean either node"));
    CHECK(find_self(config, "db.right.example.org") == core::Node::second);
}

TEST_CASE("the file that init writes is read back as it was meant", "[config]")
{
    PerNode<config::Node> nodes;
    nodes.at(core::Node::first) = {.name = "left", .hosts = {"left.example.org"}};
    nodes.at(core::Node::second) = {.name = "right.b", .run_dir = "/run/b", .store_port = 1234};
    std::vector<Link> links(2);
    links[0] = {.name = "lan-a", .address = {{"10.0.1.1", "10.0.1.2"}}};
    links[1] = {.name = "crossover",
                .address = {{"fd00::1", "fd00::2"}},
                .port = 99,
                .device = {{"eth1", "eth2"}}};
    const std::vector<std::string> probes{"10.0.0.254"};
    const auto config = parse(default_text("alpha", nodes, links, probes), "f");
    nodes.at(core::Node::second).hosts = {"right.b"};
    CHECK(config ==
          Config{.pair = {.name = "alpha", .probes = probes}, .nodes = nodes, .links = links});
}

TEST_CASE("init refuses what would make no configuration", "[config]")
{
    PerNode<config::Node> nodes;
    nodes.at(core::Node::first).name = "left";
    nodes.at(core::Node::second).name = "left";
    const std::vector<Link> links{{.name = "lan-a", .address = {{"10.0.1.1", "10.0.1.2"}}}};
    CHECK_THROWS_WITH(default_text("alpha", nodes, links, {}),
                      Catch::Contains("both nodes are named \"left\""));
}

TEST_CASE("every option that the written file shows as a comment is its default", "[config]")
{
    PerNode<config::Node> nodes;
    nodes.at(core::Node::first).name = "left";
    nodes.at(core::Node::second).name = "right";
    const std::vector<Link> links{{.name = "lan-a", .address = {{"10.0.1.1", "10.0.1.2"}}}};
    auto text = default_text("alpha", nodes, links, {});
    const auto as_written = parse(text, "f");
    for (auto at = text.find("\n#"); at != std::string::npos; at = text.find("\n#", at + 1)) {
        const auto option = text.substr(at + 2, text.find('\n', at + 1) - at - 2);
        const auto is_example = [&](std::string_view name) { return option.starts_with(name); };
        if (option.find(" = ") == std::string::npos || option.starts_with(' ')) continue;
        if (is_example("bin_dir") || is_example("allow") || is_example("settings") ||
            is_example("timezone") || is_example("watchdog"))
            continue;
        text.erase(at + 1, 1);
    }
    CHECK(text.find("\ntakeover_delay") != std::string::npos);
    CHECK(parse(text, "f") == as_written);
}

TEST_CASE("the guard feeds no hardware watchdog unless told", "[config]")
{
    CHECK(parse(good, "f").guard == Guard{"", 15s});
    const auto text =
        in_section("guard", "watchdog = \"/dev/watchdog1\"\nwatchdog_timeout = \"1m\"");
    CHECK(parse(text, "f").guard == Guard{"/dev/watchdog1", 60s});
}

TEST_CASE("a dr node is a third node with addresses where it has some")
{
    const auto config =
        parse(with_dr("role = \"dr\"\nhosts = [\"off-site\"]\nstore_port = 7000",
                      ", far = \"10.0.1.3\"") +
                  "[[link]]\nname = \"cross\"\naddress = { left = \"10.2.0.1\", right = "
                  "\"10.2.0.2\" }\n",
              "f");
    REQUIRE(config.has_dr());
    CHECK(config.nodes.dr.name == "far");
    CHECK(config.nodes.dr.store_port == 7000);
    CHECK(config.nodes.values[1].name == "right");
    CHECK(config.links[0].address.dr == "10.0.1.3");
    CHECK(Config::joins(config.links[0], core::Node::dr, core::Node::first));
    CHECK_FALSE(Config::joins(config.links[1], core::Node::dr, core::Node::first));
    CHECK(find_self(config, "off-site.example.org") == core::Node::dr);
    CHECK(find_self(config, "elsewhere", "far") == core::Node::dr);
    CHECK_FALSE(parse(good, "f").has_dr());
}

TEST_CASE("the two nodes may have stores of different kinds", "[config]")
{
    const auto mixed = parse(in_second_node("store = \"external\"\n"
                                            "store_unit = \"postgresql@15-main.service\""),
                             "f");
    CHECK(mixed.nodes.at(core::Node::first).store == Node::Store::managed);
    CHECK(mixed.nodes.at(core::Node::first).store_port == 7432);
    CHECK(mixed.nodes.at(core::Node::second).store == Node::Store::external);
    CHECK(mixed.nodes.at(core::Node::second).store_unit == "postgresql@15-main.service");
    CHECK(mixed.nodes.at(core::Node::second).store_port == 5432);
    const auto external = parse(both_external("15", "15"), "f");
    CHECK(external.nodes.at(core::Node::first).store == Node::Store::external);
    const auto written =
        default_text("alpha", mixed.nodes, mixed.links, std::vector<std::string>{"10.0.0.254"});
    CHECK(parse(written, "f").nodes == mixed.nodes);
}

TEST_CASE("the unit of a store names version and cluster", "[config]")
{
    CHECK(parse_store_unit("postgresql@15-main.service") == StoreUnit{15, "main"});
    CHECK(parse_store_unit("postgresql@17-shop_2.a.service") == StoreUnit{17, "shop_2.a"});
    for (const char* bad :
         {"", "postgresql", "postgresql.service", "postgresql@.service", "postgresql@15.service",
          "postgresql@15-.service", "postgresql@1-main.service", "postgresql@13-main.service",
          "postgresql@15-a-b.service", "postgresql@15-a/b.service", "postgresql@15-..service",
          "postgresql@15-main", "mysql@15-main.service", "postgresql@xy-main.service"})
        CHECK_FALSE(parse_store_unit(bad));
}

} // namespace roleswap::config_test
