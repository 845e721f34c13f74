#include "bench.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <sys/stat.h>

using namespace roleswap;
using namespace roleswap::fence;
using namespace roleswap::fence::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

/// The agent of the tests, with its options; quick, two attempts.
Options agent(const Bench& bench, std::map<std::string, std::string> more = {})
{
    Options options;
    options.peer = "right";
    AgentOptions device;
    device.program = TEST_AGENT;
    device.options = {{"plug", "7"}, {"state_file", bench.path("state")}};
    device.options.merge(more);
    options.device = device;
    options.command_timeout = 4s;
    options.timeout = 10s;
    options.status_every = 20ms;
    options.monitor = 0s;
    return options;
}

std::int64_t ms(Duration time)
{
    return time.count() / 1000;
}

std::size_t asked(const Bench& bench, const std::string& action)
{
    const auto log = bench.read("state.log");
    std::size_t count = 0;
    for (auto at = log.find(action + " plug="); at != std::string::npos;
         at = log.find(action + " plug=", at + 1))
        ++count;
    return count;
}

bool alive(pid_t pid)
{
    std::ifstream stat(fmt::format("/proc/{}/stat", pid));
    std::string number, name, state;
    stat >> number >> name >> state;
    return !state.empty() && state != "Z" && state != "X";
}

} // namespace

TEST_CASE("off and then status off confirms, and not before")
{
    Bench bench;
    bench.make(agent(bench));
    REQUIRE(bench.answer() == Result::confirmed);
    CHECK(bench.answers == std::vector<std::pair<std::uint64_t, Result>>{{1, Result::confirmed}});
    CHECK(bench.read("state") == "off\n");
    CHECK(bench.read("state.log") == "off plug=7 password= arguments=0\n"
                                     "status plug=7 password= arguments=0\n");
    CHECK_THAT(bench.all_events(), Contains("fence_started: agent switches right off"));
    CHECK_THAT(bench.all_events(), Contains("fence_confirmed: agent says that right is off"));
    CHECK(bench.report().steps.size() == 2);
    fmt::print("figure: off and status by a shell agent: {} ms\n", ms(bench.report().took));
}

TEST_CASE("a peer that takes its time to go off is asked until it is")
{
    Bench bench;
    bench.make(agent(bench, {{"slow", "4"}}));
    REQUIRE(bench.answer() == Result::confirmed);
    CHECK(asked(bench, "off") == 1);
    CHECK(asked(bench, "status") == 5);
}

TEST_CASE("an agent that refuses is asked again, and its words are shown without the password")
{
    Bench bench;
    bench.write("secret", "hush-hush\nsecond line\n");
    ::chmod(bench.path("secret").c_str(), 0600);
    const bool for_good = GENERATE(false, true);
    auto options = agent(bench, {{"refuse", for_good ? "9" : "1"}});
    std::get<AgentOptions>(options.device).secret_files = {{"password", bench.path("secret")}};
    bench.make(options);
    REQUIRE(bench.answer() == (for_good ? Result::failed : Result::confirmed));
    CHECK(asked(bench, "off") == 2);
    CHECK(asked(bench, "status") == (for_good ? 0 : 1));
    CHECK_THAT(bench.read("state.log"), Contains("password=hush-hush arguments=0"));
    CHECK_THAT(bench.all_events(),
               Contains("attempt 1 of 2: off: exit code 1: Failed: the outlet is locked, password "
                        "was ***"));
    CHECK(bench.all_events().find("hush") == std::string::npos);
    for (const auto& step : bench.report().steps) CHECK(step.find("hush") == std::string::npos);
}

TEST_CASE("an agent that lies is not believed")
{
    Bench bench;
    auto options = agent(bench, {{"lie", "1"}});
    options.timeout = 1s;
    bench.make(options);
    REQUIRE(bench.answer() == Result::failed);
    CHECK(asked(bench, "off") == 2);
    CHECK(asked(bench, "status") > 4);
    CHECK_THAT(bench.report().why, Contains("off was accepted, but status still says on"));
    CHECK_THAT(bench.all_events(), Contains("right may be on"));
    CHECK(bench.report().took >= 1s);
    CHECK(bench.report().took < 4s);
}

TEST_CASE("an agent that hangs is killed with its children after its time")
{
    Bench bench;
    const std::string action = GENERATE("off", "status");
    auto options = agent(bench, {{"hang", action}});
    // Long enough for the agent to have started its child on a busy machine.
    options.command_timeout = 3s;
    options.timeout = 10s;
    options.attempts = 1;
    bench.make(options);
    REQUIRE(bench.answer() == Result::failed);
    CHECK_THAT(bench.report().steps.at(action == "off" ? 0 : 1),
               Contains("no end within 3000 ms, so it was killed"));
    REQUIRE_FALSE(bench.read("state.child").empty());
    const pid_t child = std::stoi(bench.read("state.child"));
    CHECK(bench.run_until([&] { return !alive(child); }, 5s));
}

TEST_CASE("an agent that is killed confirms nothing")
{
    Bench bench;
    const std::string action = GENERATE("off", "status");
    auto options = agent(bench, {{"die", action}});
    options.timeout = 1s;
    bench.make(options);
    REQUIRE(bench.answer() == Result::failed);
    CHECK_THAT(bench.report().steps.back(), Contains("signal 9"));
}

TEST_CASE("a device that does not answer, and an agent that is not there, are told")
{
    Bench bench;
    auto options = agent(bench, {{"deaf", "1"}});
    const bool missing = GENERATE(false, true);
    if (missing) std::get<AgentOptions>(options.device).program = "/usr/sbin/fence_no_such";
    bench.make(options);
    REQUIRE(bench.answer() == Result::failed);
    CHECK_THAT(bench.report().why,
               Contains(missing ? "/usr/sbin/fence_no_such" : "Unable to connect/login"));
}

TEST_CASE("a password file that others may read, or that is missing, is refused and told")
{
    Bench bench;
    const bool missing = GENERATE(false, true);
    if (!missing) {
        bench.write("secret", "x\n");
        ::chmod(bench.path("secret").c_str(), 0644);
    }
    auto options = agent(bench);
    std::get<AgentOptions>(options.device).secret_files = {{"password", bench.path("secret")}};
    bench.make(options);
    REQUIRE(bench.answer() == Result::failed);
    CHECK_THAT(bench.report().why,
               Contains(missing ? "No such file" : "has mode 0644: others may read it"));
    CHECK(bench.read("state.log").empty()); // never started
}

TEST_CASE("a password that was read once survives the loss of its file")
{
    Bench bench;
    bench.write("secret", "once\n");
    ::chmod(bench.path("secret").c_str(), 0600);
    auto options = agent(bench);
    std::get<AgentOptions>(options.device).secret_files = {{"password", bench.path("secret")}};
    bench.make(options);
    std::filesystem::remove(bench.path("secret"));
    REQUIRE(bench.answer() == Result::confirmed);
    CHECK_THAT(bench.read("state.log"), Contains("password=once"));
}

TEST_CASE("a new ticket starts anew and the old one gets no answer")
{
    Bench bench;
    bench.make(agent(bench, {{"delay", "0.3"}}));
    bench.fence->fence(1);
    REQUIRE(bench.run_until([&] { return asked(bench, "off") == 1; }));
    bench.fence->fence(2);
    REQUIRE(bench.run_until([&] { return !bench.answers.empty(); }));
    bench.run_for(500ms);
    CHECK(bench.answers == std::vector<std::pair<std::uint64_t, Result>>{{2, Result::confirmed}});
    CHECK(asked(bench, "off") == 2);
}

TEST_CASE("a fence that is not needed any more is given up before it acts")
{
    Bench bench;
    bench.make(agent(bench, {{"delay", "0.5"}}));
    bench.fence->fence(1);
    REQUIRE(bench.run_until([&] { return asked(bench, "off") == 1; }));
    bench.fence->cancel();
    bench.run_for(1s);
    CHECK(bench.answers.empty());
    CHECK(bench.read("state") == "on\n");
    CHECK(bench.fence->status().state == Status::State::idle);
    CHECK_THAT(bench.all_events(), Contains("fence_failed: given up"));
}

TEST_CASE("looking at the device switches nothing, and its loss and return are told once")
{
    Bench bench;
    auto options = agent(bench);
    options.monitor = 50ms;
    bench.make(options);
    REQUIRE(bench.run_until([&] { return bench.fence->status().look.has_value(); }));
    CHECK(bench.fence->status().look->power == Look::Power::on);
    std::filesystem::rename(bench.path("state"), bench.path("away")); // status: exit 1 of `[`
    bench.write("state", "off\n");
    REQUIRE(bench.run_until([&] { return bench.fence->status().look->power == Look::Power::off; }));
    CHECK(asked(bench, "off") == 0);
    CHECK(bench.events.empty());
}

TEST_CASE("a device that stops answering is told before it is needed")
{
    Bench bench;
    auto options = agent(bench, {{"deaf", "1"}});
    options.monitor = 50ms;
    bench.make(options);
    REQUIRE(bench.run_until([&] { return asked(bench, "status") >= 4; }));
    REQUIRE(bench.events.size() == 1);
    CHECK_THAT(bench.events[0], Contains("fence_unready: agent does not answer: exit code 1: "
                                         "Unable to connect/login to fencing device"));
}

TEST_CASE("a test switches off and reports each step, and gives way to a takeover")
{
    Bench bench;
    bench.make(agent(bench, {{"delay", "0.2"}}));
    std::vector<Report> reports;
    const auto keep = [&](const Report& report) { reports.push_back(report); };
    bench.fence->test("root", keep);
    bench.fence->test("root", keep);
    REQUIRE(reports.size() == 1);
    CHECK(reports[0].why == "a fence is under way");
    REQUIRE(bench.run_until([&] { return reports.size() == 2; }));
    CHECK(reports[1].result == Result::confirmed);
    CHECK(reports[1].steps.size() == 2);
    CHECK(bench.answers.empty());
    bench.fence->test("root", keep);
    bench.fence->fence(5);
    REQUIRE(bench.run_until([&] { return !bench.answers.empty(); }));
    REQUIRE(reports.size() == 3);
    CHECK(reports[2].why == "a takeover needs the fence now");
    CHECK(bench.answers[0] == std::pair<std::uint64_t, Result>{5, Result::confirmed});
}

TEST_CASE("a human confirms: meatware waits for ever, and any fence under way can be confirmed")
{
    Bench bench;
    Options options;
    options.peer = "right";
    const bool meatware = GENERATE(true, false);
    if (!meatware) options = agent(bench, {{"hang", "off"}});
    auto& fence = bench.make(options);
    CHECK_FALSE(fence.confirm("root"));
    fence.fence(1);
    bench.run_for(300ms);
    CHECK(bench.answers.empty());
    CHECK(fence.status().state == (meatware ? Status::State::waiting : Status::State::fencing));
    CHECK(fence.confirm("root"));
    CHECK(bench.answers == std::vector<std::pair<std::uint64_t, Result>>{{1, Result::confirmed}});
    CHECK_THAT(bench.all_events(), Contains("fence_confirmed: root says that right is off"));
    CHECK_FALSE(fence.confirm("root"));
}

TEST_CASE("after a fence that failed the word of a human counts for the next one, for a while")
{
    Bench bench;
    auto options = agent(bench, {{"deaf", "1"}});
    const auto how = GENERATE(0, 1, 2, 3);
    if (how == 1) options.confirm_life = 100ms;
    auto& fence = bench.make(options);
    CHECK_FALSE(fence.confirm("root"));
    REQUIRE(bench.answer() == Result::failed);
    if (how == 3) fence.peer_heard();
    CHECK(fence.confirm("root") == (how != 3));
    if (how == 1) bench.run_for(200ms);
    if (how == 2) fence.peer_heard();
    bench.answers.clear();
    fence.fence(2);
    REQUIRE(bench.run_until([&] { return !bench.answers.empty(); }));
    const auto expected = how == 0 ? Result::confirmed : Result::failed;
    CHECK(bench.answers[0] == std::pair<std::uint64_t, Result>{2, expected});
    bench.answers.clear();
    fence.fence(3); // it counts once
    REQUIRE(bench.run_until([&] { return !bench.answers.empty(); }));
    CHECK(bench.answers[0].second == Result::failed);
}

/// The agent of the package fence-agents, where it is installed: see `real`.
TEST_CASE("fence_dummy of Debian switches off", "[real]")
{
    Bench bench;
    Options options = agent(bench);
    AgentOptions device;
    device.program = ::getenv("FENCE_DUMMY");
    device.options = {{"status_file", bench.path("state")}, {"type", "file"}};
    bench.write("state", "on");
    options.device = device;
    bench.make(options);
    std::optional<Look> look;
    bench.fence->look([&](const Look& seen, Duration) { look = seen; });
    REQUIRE(bench.run_until([&] { return look.has_value(); }));
    INFO(look->why);
    CHECK(look->power == Look::Power::on);
    const auto answer = bench.answer();
    INFO(bench.all_events());
    REQUIRE(answer == Result::confirmed);
    CHECK(bench.read("state") == "off");
    fmt::print("figure: fence_dummy off and status: {} ms\n", ms(bench.report().took));
}
