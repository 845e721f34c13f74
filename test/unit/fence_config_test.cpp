#include "config/config.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace roleswap::fence_config_test {

/// Serial links and the fence in the configuration.
using namespace config;
using namespace std::chrono_literals;
using core::Node::first;
using core::Node::second;

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
const std::string null_modem = R"([[link]]
name = "null-modem"
serial = { left = "/dev/ttyS0", right = "/dev/ttyS0" }
)";

std::string changed(const std::string& from, const std::string& to)
{
    auto text = good;
    return text.replace(text.find(from), from.size(), to);
}
std::string in_link(const std::string& lines)
{
    return good + "[[link]]\nname = \"null-modem\"\n" + lines + "\n";
}
std::string in_fence(const std::string& lines)
{
    return good + null_modem + "[fence]\n" + lines + "\n";
}

std::string fault(const std::string& text)
{
    try {
        parse(text, "f");
    } catch (const config::Error& error) {
        return error.what();
    }
    return "no fault";
}

} // namespace

TEST_CASE("each bad serial link and fence is told with its place and what is allowed", "[config]")
{
    struct Row {
        std::string text;
        std::string message;
    };
    // clang-format off
    const std::vector<Row> rows{
    {in_link(R"(serial = { left = "/dev/ttyS0", right = "/dev/ttyS0" }
port = 5)"),
     R"(f:14:8: link 2: port beside serial; allowed: name, serial and baud for a serial link)"},
    {in_link(R"(serial = { left = "/dev/ttyS0", right = "/dev/ttyS0" }
address = { left = "10.0.2.1", right = "10.0.2.2" })"),
     R"(f:14:11: link 2: address beside serial; allowed: name, serial and baud for a serial link)"},
    {in_link(R"(serial = { left = "/dev/ttyS0" })"),
     R"(f:13:10: no right in link 2: serial; allowed: the path of a serial port for each node)"},
    {in_link(R"(serial = { left = "/dev/ttyS0", right = "ttyS0" })"),
     R"(f:13:41: link 2: serial: right = "ttyS0"; allowed: an absolute path)"},
    {in_link(R"(serial = "/dev/ttyS0")"),
     R"(f:13:10: link 2: serial = "/dev/ttyS0"; allowed: a table)"},
    {in_link(R"(serial = { left = "/dev/ttyS0", middle = "/dev/ttyS0" })"),
     R"(f:13:33: link 2: serial: unknown key "middle"; allowed: left, right)"},
    {in_link(R"(serial = { left = "/dev/ttyS0", right = "/dev/ttyS0" }
baud = 1200)"),
     R"(f:14:8: link 2: baud = 1200; allowed: one of 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)"},
    {in_link(R"(serial = { left = "/dev/ttyS0", right = "/dev/ttyS0" }
baud = "fast")"),
     R"(f:14:8: link 2: baud = "fast"; allowed: one of 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)"},
    {in_link(R"(address = { left = "10.0.2.1", right = "10.0.2.2" }
baud = 115200)"),
     R"(f:14:8: link 2: baud without serial; allowed: baud with serial = { NODE = "/dev/ttyS0", NODE = "/dev/ttyS0" })"},
    {in_link(R"(serial = { left = "/dev/ttyS0", right = "/dev/ttyS0" }
[[link]]
name = "second"
serial = { left = "/dev/ttyS0", right = "/dev/ttyS0" })"),
     R"(f:16:10: link second has the serial port /dev/ttyS0 of left, which link null-modem has already; allowed: each port once)"},
    {changed(R"(address = { left = "10.0.1.1", right = "10.0.1.2" })",
             R"(serial = { left = "/dev/ttyS0", right = "/dev/ttyS0" })"),
     R"(f:8:1: serial links only; allowed: at least one link with addresses, for the store and for requests)"},
    {in_fence(R"(delay = "1s")"),
     R"(f:14:1: no kind in fence; allowed: kind = "agent", "serial" or "meatware")"},
    {in_fence(R"(kind = "magic")"),
     R"(f:15:8: fence.kind = "magic"; allowed: "agent", "serial" or "meatware")"},
    {in_fence(R"(kind = "agent")"),
     R"(f:14:1: no command in fence; allowed: an absolute path, or the name of an agent in /usr/sbin such as "fence_ipmilan")"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
colour = 1)"),
     R"(f:17:1: fence: unknown key "colour"; allowed: kind, delay, timeout, command_timeout, attempts, monitor, node, command, options, secret_files, port, baud, data_bits, parity, stop_bits, trust)"},
    {in_fence(R"(kind = "agent"
command = "ipmi")"),
     R"(f:16:11: fence.command = "ipmi"; allowed: an absolute path, or the name of an agent in /usr/sbin such as "fence_ipmilan")"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" })"),
     R"(f:17:8: fence.port with kind = "agent"; allowed: kind, delay, timeout, command_timeout, attempts, monitor, node, command, options, secret_files)"},
    {in_fence(R"(kind = "meatware"
attempts = 2)"),
     R"(f:16:12: fence.attempts with kind = "meatware"; allowed: kind, delay)"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
delay = "6m")"),
     R"(f:17:9: fence.delay = "6m"; allowed: a duration from "0s" to "5m")"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
timeout = "0s")"),
     R"(f:17:11: fence.timeout = "0s"; allowed: a duration from "1s" to "30m")"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
command_timeout = "1h")"),
     R"(f:17:19: fence.command_timeout = "1h"; allowed: a duration from "100ms" to "10m")"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
attempts = 0)"),
     R"(f:17:12: fence.attempts = 0; allowed: a whole number from 1 to 10)"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
monitor = "2d")"),
     R"(f:17:11: fence.monitor = "2d"; allowed: a duration from "0s" to "1d")"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
options = "x")"),
     R"(f:17:11: fence.options = "x"; allowed: a table of options of the agent)"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
options = { action = "on" })"),
     R"(f:17:22: fence.options.action; allowed: names of options as the agent has them, but for "action")"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
options = { "two words" = "on" })"),
     R"(f:17:27: fence.options.two words; allowed: names of options as the agent has them, but for "action")"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
options = { password = "secret" })"),
     R"(f:17:24: fence.options.password; allowed: secret_files = { password = "/path" }, the path of a file of mode 0600 with the password in its first line)"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
options = { plug = ["1"] })"),
     R"(f:17:20: fence.options.plug = a list; allowed: a text of one line, a number, true or false)"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
options = { plug = "1\n2" })"),
     R"(f:17:20: fence.options.plug = "1\n2"; allowed: a text of one line, a number, true or false)"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
secret_files = { password = "secret" })"),
     R"(f:17:29: fence.secret_files.password = "secret"; allowed: an absolute path)"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
node.middle.options = { plug = "1" })"),
     R"(f:17:6: fence.node: unknown key "middle"; allowed: left, right)"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
node.left = { plug = "1" })"),
     R"(f:17:15: fence.node.left: unknown key "plug"; allowed: options, secret_files)"},
    {in_fence(R"(kind = "agent"
command = "fence_ipmilan"
node.left.options = { passwd = "x" })"),
     R"(f:17:32: fence.node.left.options.passwd; allowed: secret_files = { passwd = "/path" }, the path of a file of mode 0600 with the password in its first line)"},
    {in_fence(R"(kind = "serial")"),
     R"(f:14:1: no port in fence; allowed: port = { NODE = "/dev/ttyS1", ... }, the port of the node that switches the other off)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
baud = 9601)"),
     R"(f:17:8: fence.baud = 9601; allowed: one of 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
data_bits = 9
node.left = { off = "OFF 1\\r", off_answer = "OK" }
node.right = { off = "OFF 2\\r", off_answer = "OK" })"),
     R"(f:17:13: fence.data_bits = 9; allowed: a whole number from 7 to 8)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
parity = "mark"
node.left = { off = "OFF 1\\r", off_answer = "OK" }
node.right = { off = "OFF 2\\r", off_answer = "OK" })"),
     R"(f:17:10: fence.parity = "mark"; allowed: "none", "odd" or "even")"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
trust = "yes"
node.left = { off = "OFF 1\\r", off_answer = "OK" }
node.right = { off = "OFF 2\\r", off_answer = "OK" })"),
     R"(f:17:9: fence.trust = "yes"; allowed: true or false)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
)"),
     R"(f:14:1: no node in fence; allowed: node.NAME.off, the bytes that switch NAME off)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
node.left = { off = "OFF 1" })"),
     R"(f:17:13: fence.node.left.off without any answer that confirms it; allowed: off_answer, or status and status_off; or trust = true in [fence], which takes the peer for dead although nothing says so)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
node.left = { off = "OFF 1" }
node.right = { off = "OFF 2" })"),
     R"(f:17:13: fence.node.left.off without any answer that confirms it; allowed: off_answer, or status and status_off; or trust = true in [fence], which takes the peer for dead although nothing says so)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
node.left = { off = "OFF \\q" }
node.right = { off = "OFF 2" })"),
     R"(f:17:21: fence.node.left.off = "OFF \\q"; allowed: ASCII text with the escapes \r \n \t \e \\ and \xHH, at least one byte)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
node.left = { off = "OFF \\x0" , off_answer = "OK" }
node.right = { off = "OFF 2" })"),
     R"(f:17:21: fence.node.left.off = "OFF \\x0"; allowed: ASCII text with the escapes \r \n \t \e \\ and \xHH, at least one byte)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
node.left = { off = "" }
node.right = { off = "OFF 2" })"),
     R"(f:17:21: fence.node.left.off = ""; allowed: ASCII text with the escapes \r \n \t \e \\ and \xHH, at least one byte)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
node.left = { off = "OFF 1", status = "?" }
node.right = { off = "OFF 2" })"),
     R"(f:17:13: fence.node.left.status without status_off or the reverse; allowed: both, or neither)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
node.left = { off = "OFF 1", off_answer = "OK", status_on = "1" }
node.right = { off = "OFF 2" })"),
     R"(f:17:13: fence.node.left.status_on without status; allowed: status with it)"},
    {in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS0", right = "/dev/ttyS0" }
node.left = { off = "OFF 1\\r", off_answer = "OK" }
node.right = { off = "OFF 2\\r", off_answer = "OK" })"),
     R"(f:16:8: the fence has the serial port /dev/ttyS0 of left, which link null-modem has already; allowed: each port once)"},
    };
    // clang-format on
    for (const auto& [text, message] : rows) {
        INFO(text);
        CHECK(fault(text) == message);
    }
}

TEST_CASE("a null-modem link is a link without addresses", "[config]")
{
    const auto config = parse(good + null_modem, "f");
    REQUIRE(config.links.size() == 2);
    CHECK_FALSE(config.links[0].is_serial());
    CHECK(config.links[1].is_serial());
    CHECK(config.links[1].serial.at(second) == "/dev/ttyS0");
    CHECK(config.links[1].baud == 115200);
    CHECK(config.fence == Fence{});
}

TEST_CASE("a serial link too slow for the takeover delay is refused with the figures", "[config]")
{
    const auto slow = good + null_modem + "baud = 9600\n";
    CHECK_THAT(fault(slow), Catch::StartsWith("f:14:8: link 2: serial with takeover_delay = "
                                              "\"1s\": at 9600 baud a message takes "));
    CHECK_THAT(fault(slow), Catch::Contains("allowed: a takeover_delay of at least \"1s976ms\""));
    auto patient = slow;
    patient.insert(patient.find("probes"), "takeover_delay = \"4s\"\n");
    CHECK(fault(patient) == "no fault");
    CHECK(fault(good + null_modem + "baud = 57600\n") == "no fault");
    auto hasty = good + null_modem;
    hasty.insert(hasty.find("probes"), "takeover_delay = \"300ms\"\n");
    CHECK_THAT(fault(hasty), Catch::StartsWith("f:14:10: link 2: serial with takeover_delay"));
}

TEST_CASE("an agent has the options of both nodes and those of the one that is fenced", "[config]")
{
    const auto fence = parse(in_fence(R"(kind = "agent"
command = "fence_ipmilan"
options = { username = "admin", lanplus = true, port = 623 }
secret_files = { password = "/etc/roleswap/ipmi" }
node.left.options = { ip = "10.0.9.1" }
node.right.options = { ip = "10.0.9.2", username = "root" }
node.right.secret_files = { password = "/etc/roleswap/right" }
delay = "500ms")"),
                             "f")
                           .fence;
    CHECK(fence.kind == Fence::Kind::agent);
    CHECK(fence.command == "/usr/sbin/fence_ipmilan");
    CHECK(fence.delay == 500ms);
    CHECK(fence.attempts == 2);
    using Options = std::map<std::string, std::string>;
    CHECK(fence.options.at(first) ==
          Options{{"username", "admin"}, {"lanplus", "1"}, {"port", "623"}, {"ip", "10.0.9.1"}});
    CHECK(fence.options.at(second) ==
          Options{{"username", "root"}, {"lanplus", "1"}, {"port", "623"}, {"ip", "10.0.9.2"}});
    CHECK(fence.secret_files.at(first) == Options{{"password", "/etc/roleswap/ipmi"}});
    CHECK(fence.secret_files.at(second) == Options{{"password", "/etc/roleswap/right"}});
}

TEST_CASE("a serial switch has its words as bytes", "[config]")
{
    const auto fence = parse(in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyUSB0" }
data_bits = 7
parity = "even"
node.left = { off = '\x02OFF 1\r', off_answer = "OK" }
node.right = { off = "OFF 2\r", status = "? 2\r", status_on = "2 ON", status_off = "2 OFF" })"),
                             "f")
                           .fence;
    CHECK(fence.port.at(second) == "/dev/ttyUSB0");
    CHECK(fence.baud == 9600);
    CHECK(fence.data_bits == 7);
    CHECK(fence.parity == "even");
    CHECK(fence.words.at(first).off == "\x02OFF 1\r");
    CHECK(fence.words.at(first).off_answer == "OK");
    CHECK(fence.words.at(second) == Fence::Words{"OFF 2\r", "", "? 2\r", "2 ON", "2 OFF"});
    CHECK(fault(in_fence("kind = \"meatware\"")) == "no fault");
    CHECK(fault(in_fence(R"(kind = "serial"
port = { left = "/dev/ttyS1", right = "/dev/ttyS1" }
trust = true
node.left = { off = "1" }
node.right = { off = "2" })")) == "no fault");
}

} // namespace roleswap::fence_config_test
