#include "dispatcher.hpp"
#include "event/process.hpp"
#include "owner_watch.hpp"
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

namespace roleswap::dispatcher_test {

using namespace daemon;
using nlohmann::json;

namespace {

/// A dispatcher between two pretended nodes that notes where each verb went.
struct World {
    bool self_master = false;
    bool peer_master = false;
    bool third_master = false;
    std::vector<std::string> log;
    json answer_here = json::object();
    std::optional<json> result;
    std::optional<bus::ErrorCode> error;
    Dispatcher dispatcher{Dispatcher::Ports{
        "left", "right", [this] { return self_master; }, [this] { return peer_master; },
        [this](const json& request, std::chrono::milliseconds, Answer answer) {
            log.push_back("peer " + request["verb"].get<std::string>());
            answer.done(request);
        },
        [this](const bus::Verb& verb, const json&, const Requester&, Answer answer) {
            log.push_back("here " + std::string(verb.name));
            answer.done(answer_here);
        },
        [] { return std::string("both wait"); }, "far", [this] { return third_master; },
        [this](const json& request, std::chrono::milliseconds, Answer answer) {
            log.push_back("third " + request["verb"].get<std::string>());
            answer.done(request);
        }}};

    void call(const char* verb, const json& args = json::object(), bool from_peer = false)
    {
        dispatcher.call(*bus::find_verb(verb), args, {0, "root", from_peer},
                        {[this](const json& object) { result = object; },
                         [this](const bus::Error& failure) { error = failure.code(); }});
    }
};

} // namespace

TEST_CASE("a verb of the master is done by the master, whoever was asked", "[daemon]")
{
    World world;
    SECTION("this node is master")
    {
        world.self_master = true;
        world.call("task_list");
        CHECK(world.log == std::vector<std::string>{"here task_list"});
    }
    SECTION("the third node is master")
    {
        world.third_master = true;
        world.call("task_list");
        CHECK(world.log == std::vector<std::string>{"third task_list"});
        world.call("task_list", json::object(), true); // nothing is relayed twice
        CHECK(world.error == bus::ErrorCode::not_master);
    }
    SECTION("the third node is asked by name")
    {
        world.call("events", {{"node", "far"}});
        CHECK(world.log == std::vector<std::string>{"third events"});
    }
    SECTION("the peer is master")
    {
        world.peer_master = true;
        world.call("task_list");
        CHECK(world.log == std::vector<std::string>{"peer task_list"});
    }
    SECTION("nobody is")
    {
        world.call("task_list");
        CHECK(world.log.empty());
        CHECK(world.error == bus::ErrorCode::not_master);
    }
    SECTION("a relayed one is not relayed back")
    {
        world.peer_master = true;
        world.call("task_list", json::object(), true);
        CHECK(world.log.empty());
        CHECK(world.error == bus::ErrorCode::not_master);
    }
}

TEST_CASE("\"node\" chooses where a verb is done", "[daemon]")
{
    World world;
    world.self_master = true;
    world.call("links", {{"node", "right"}});
    world.call("links", {{"node", "left"}});
    CHECK(world.log == std::vector<std::string>{"peer links", "here links"});
    world.call("links", {{"node", "middle"}});
    CHECK(world.error == bus::ErrorCode::not_found);
}

TEST_CASE("what the peer sends that is no request is refused, not obeyed", "[daemon]")
{
    World world;
    const auto text =
        GENERATE("", "x", "[]", "{}", R"({"verb":"no_such","args":{}})", R"({"verb":"links"})",
                 R"({"verb":"links","args":[]})", R"({"verb":1,"args":{},"uid":0,"user":"u"})",
                 R"({"verb":"links","args":{},"uid":"x","user":"u"})");
    std::string reply;
    world.dispatcher.serve_peer(text, [&](const std::string& answer) { reply = answer; });
    CHECK(world.log.empty());
    std::optional<bus::ErrorCode> code;
    answer_from_reply(reply,
                      {[](const json&) {}, [&](const bus::Error& error) { code = error.code(); }});
    CHECK(code == bus::ErrorCode::bad_argument);
}

TEST_CASE("a reply survives the way back", "[daemon]")
{
    World world;
    std::string reply;
    world.dispatcher.serve_peer(R"({"verb":"links","args":{},"uid":1,"user":"u"})",
                                [&](const std::string& answer) { reply = answer; });
    bool done = false;
    answer_from_reply(reply, {[&](const json&) { done = true; }, [](const bus::Error&) {}});
    CHECK(done);
}

TEST_CASE("an answer that is too long for the links is refused with its size and a remedy",
          "[daemon]")
{
    World world;
    world.self_master = true;
    world.answer_here = {{"tasks", std::string(2'000'000, 'x')}};
    std::string reply;
    world.dispatcher.serve_peer(R"({"verb":"task_list","args":{},"uid":1,"user":"u"})",
                                [&](const std::string& answer) { reply = answer; });
    std::string why;
    answer_from_reply(reply,
                      {[](const json&) {}, [&](const bus::Error& error) { why = error.what(); }});
    CHECK(why == "the answer to \"roleswap task list\" has 2000019 bytes; at most 1048576 go over "
                 "the links: give the command on left");
}

TEST_CASE("the owner's death is noticed, also when it was dead before", "[daemon]")
{
    event::Loop loop;
    OwnerWatch watch(loop);
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    bool noticed = false;
    watch.watch(child, [&] {
        noticed = true;
        loop.exit(0);
    });
    ::kill(child, SIGKILL);
    loop.run();
    CHECK(noticed);
    ::waitpid(child, nullptr, 0);
    noticed = false;
    event::Loop second;
    OwnerWatch late(second);
    late.watch(child, [&] {
        noticed = true;
        second.exit(0);
    });
    second.run();
    CHECK(noticed);
}

} // namespace roleswap::dispatcher_test
