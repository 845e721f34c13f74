// A unit started and stopped over a real message bus, by a manager that answers as it is told.
#include "scripted_manager.hpp"
#include <catch2/catch.hpp>
#include <optional>

namespace roleswap::test {
namespace {

constexpr const char* unit_name = "postgresql@15-main.service";

struct Setting {
    event::Loop loop;
    OwnBus bus{loop};
    std::unique_ptr<ScriptedManager> manager = std::make_unique<ScriptedManager>(loop, bus);
    int states = 0;
    store::SystemdUnit unit{loop, unit_name, [this] { ++states; }};

    using Verb = void (store::SystemdUnit::*)(store::SystemdUnit::Done);
    /// What the call ends with; "..." when it does not end.
    std::string ask(Verb verb)
    {
        std::optional<std::string> trouble;
        (unit.*verb)([&](const std::string& text) { trouble = text; });
        if (!turn_until(loop, [&] { return trouble.has_value(); })) return "...";
        return *trouble;
    }
};

using Unit = store::SystemdUnit;

} // namespace

TEST_CASE("a unit is started and stopped, and each call ends with its job", "[systemd]")
{
    Setting s;
    CHECK(s.ask(&Unit::start).empty());
    CHECK(s.ask(&Unit::stop).empty());
    CHECK(s.ask(&Unit::reload_manager).empty());
    CHECK(s.manager->calls ==
          std::vector<std::string>{"StartUnit postgresql@15-main.service replace",
                                   "StopUnit postgresql@15-main.service replace", "Reload"});
}

TEST_CASE("a job that fails says systemd's word, a refusal its sentence", "[systemd]")
{
    Setting s;
    s.manager->turns = {{.result = "failed"},
                        {.result = "timeout"},
                        {.error = "Unit postgresql@15-main.service not found."},
                        {.error = "Access denied"}};
    CHECK(s.ask(&Unit::start) == "failed");
    CHECK(s.ask(&Unit::stop) == "timeout");
    CHECK(s.ask(&Unit::start) == "Unit postgresql@15-main.service not found.");
    CHECK(s.ask(&Unit::reload_manager) == "Access denied");
    CHECK(s.ask(&Unit::start).empty());
}

TEST_CASE("two calls that were made one job end both with it", "[systemd]")
{
    Setting s;
    s.manager->merges = true;
    s.manager->turns = {{.ends = false}, {.ends = false}};
    std::vector<std::string> ends;
    for (int i = 0; i < 2; ++i)
        s.unit.start([&](const std::string& trouble) { ends.push_back(trouble); });
    REQUIRE(turn_until(s.loop, [&] { return s.manager->calls.size() == 2; }));
    CHECK(ends.empty());
    s.manager->end_job("canceled");
    REQUIRE(turn_until(s.loop, [&] { return ends.size() == 2; }));
    CHECK(ends == std::vector<std::string>{"canceled", "canceled"});
}

TEST_CASE("the state of the unit is known as soon as systemd tells it", "[systemd]")
{
    Setting s;
    CHECK(s.unit.active().empty());
    CHECK(s.ask(&Unit::start).empty());
    s.manager->tell_state("other.service", "failed", "failed");
    s.manager->tell_state(unit_name, "deactivating", "stop");
    REQUIRE(turn_until(s.loop, [&] { return s.states > 0; }));
    CHECK(s.unit.active() == "deactivating");
    CHECK(s.unit.sub() == "stop");
}

TEST_CASE("a bus that is lost ends what waits, and is opened again by the next call", "[systemd]")
{
    Setting s;
    s.manager->turns = {{.ends = false}};
    std::optional<std::string> trouble;
    s.unit.start([&](const std::string& text) { trouble = text; });
    REQUIRE(turn_until(s.loop, [&] { return !s.manager->calls.empty(); }));
    s.manager->tell_state(unit_name, "activating", "start");
    REQUIRE(turn_until(s.loop, [&] { return s.states > 0; }));
    s.bus.kill();
    REQUIRE(turn_until(s.loop, [&] { return trouble.has_value(); }));
    CHECK(*trouble == "the connection to systemd was lost");
    CHECK(s.unit.active().empty());

    s.bus.start();
    s.manager = std::make_unique<ScriptedManager>(s.loop, s.bus);
    CHECK(s.ask(&Unit::stop).empty());
    CHECK(s.manager->calls ==
          std::vector<std::string>{"StopUnit postgresql@15-main.service replace"});
}

TEST_CASE("without a bus a call says so", "[systemd]")
{
    Setting s;
    s.bus.kill();
    std::string why;
    try {
        why = s.ask(&Unit::start);
    } catch (const std::system_error& error) {
        why = error.what();
    }
    INFO(why);
    CHECK((why == "the connection to systemd was lost" ||
           why.find("system bus") != std::string::npos));
}

} // namespace roleswap::test
