#include "process.hpp"
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace roleswap;
using namespace roleswap::test;
using bus::Client;
using bus::ErrorCode;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr uid_t nobody = 65534;
const json none = json::object();

bool skip_unless_root()
{
    if (geteuid() != 0) WARN("skipped: needs root to become another user");
    return geteuid() != 0;
}

std::string output_of(const std::string& command)
{
    std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen((command + " 2>&1").c_str(), "r"), pclose);
    std::string text;
    std::array<char, 4096> part{};
    while (const std::size_t got = fread(part.data(), 1, part.size(), pipe.get()))
        text.append(part.data(), got);
    return text;
}

} // namespace

TEST_CASE("a call carries its arguments and the caller's credentials")
{
    const Folder folder;
    const ServerProcess server(folder.path("ctl"));
    const json answer =
        Client(folder.path("ctl")).call("status", {{"text", "gr\u00fc\uffff\n"}, {"number", 5}});
    CHECK(answer["args"]["text"] == "gr\u00fc\uffff\n");
    CHECK(answer["args"]["number"] == 5);
    CHECK(answer["uid"] == geteuid());
    CHECK(answer["pid"] == getpid());
    CHECK(answer["may_act"] == true);
}

TEST_CASE("errors of the handler keep their code and their sentence")
{
    const Folder folder;
    const ServerProcess server(folder.path("ctl"));
    Client client(folder.path("ctl"));
    CHECK_THROWS_WITH(client.call("activate", none), "The master is alive.");
    CHECK(error_of([&] { client.call("activate", none); }) == ErrorCode::refused);
    CHECK_THROWS_WITH(client.call("activate", {{"throw", true}}), "the disk is full");
    CHECK(error_of([&] { client.call("activate", {{"throw", true}}); }) == ErrorCode::failed);
    CHECK(client.call("status", none)["uid"] == geteuid());
}

TEST_CASE("an argument must be one JSON object of limited size")
{
    const Folder folder;
    const ServerProcess server(folder.path("ctl"), {.argument_bytes = 1000});
    Client client(folder.path("ctl"));
    CHECK(error_of([&] { client.call("status", json::array()); }) == ErrorCode::bad_argument);
    CHECK(error_of([&] {
              client.call("status", {{"x", std::string(1000, 'x')}});
          }) == ErrorCode::bad_argument);
    CHECK(error_of([&] { client.call("no_such_verb", none); }) == ErrorCode::bad_argument);
    CHECK(client.call("status", {{"x", std::string(900, 'x')}})["uid"] == geteuid());
}

TEST_CASE("what is too long to be sent is told, and the connection stays")
{
    const Folder folder;
    const ServerProcess server(folder.path("ctl"));
    Client client(folder.path("ctl"));
    const std::size_t bytes = bus::message_bytes_max;
    CHECK(client.call("task_export", {{"bytes", bytes - 100}})["toml"].get<std::string>().size() ==
          bytes - 100);
    CHECK_THROWS_WITH(client.call("task_export", {{"bytes", bytes}}),
                      Catch::Contains("at most 67108864 can be sent"));
    CHECK(error_of([&] {
              client.call("status", {{"x", std::string(bytes, 'x')}});
          }) == ErrorCode::bad_argument);
    CHECK(error_of([&] {
              client.call("status", {{"x", std::string(bytes - 100, 'x')}});
          }) == ErrorCode::bad_argument);
    CHECK(client.call("status", none)["uid"] == geteuid());
}

TEST_CASE("an ordinary user may look but not act")
{
    if (skip_unless_root()) return;
    const Folder folder;
    const ServerProcess server(folder.path("ctl"));
    const int code = as_user(nobody, nobody, [&] {
        Client client(folder.path("ctl"));
        const json seen = client.call("status", none);
        if (seen["uid"] != nobody || seen["may_act"] != false) return 1;
        if (error_of([&] { client.call("takeover_release", none); }) != ErrorCode::denied) return 2;
        return 0;
    });
    CHECK(code == 0);
}

TEST_CASE("a member of the group may act")
{
    if (skip_unless_root()) return;
    const Folder folder;
    const ServerProcess server(folder.path("ctl"), {}, "nogroup");
    const auto act = [&] {
        return Client(folder.path("ctl")).call("takeover_release", none).is_object() ? 0 : 1;
    };
    CHECK(as_user(nobody, nobody, act) == 0);
    // By the user database: the primary group of user nobody, whatever the process runs as.
    CHECK(as_user(nobody, 12345, act) == 0);
    CHECK(as_user(12345, 12345, act) == 99);
}

TEST_CASE("an answer may come later, and only the first counts")
{
    const Folder folder;
    const ServerProcess server(folder.path("ctl"));
    Client watcher(folder.path("ctl"));
    ChildProcess waiter([&] {
        return Client(folder.path("ctl")).call("takeover_hold", none) == json{{"late", true}} ? 0
                                                                                              : 1;
    });
    REQUIRE(watcher.next_signal(10s)->event == R"({"what":"waiting"})");
    watcher.call("takeover_release", none);
    CHECK(waiter.wait() == 0);
}

TEST_CASE("an abandoned call is answered with Failed")
{
    const Folder folder;
    const ServerProcess server(folder.path("ctl"));
    Client client(folder.path("ctl"));
    CHECK_THROWS_WITH(client.call("rejoin", none), "The daemon gave no answer.");
    CHECK(error_of([&] { client.call("rejoin", none); }) == ErrorCode::failed);
}

TEST_CASE("an answer to a client that has gone goes nowhere")
{
    const Folder folder;
    const ServerProcess server(folder.path("ctl"));
    Client watcher(folder.path("ctl"));
    ChildProcess waiter([&] {
        Client(folder.path("ctl")).call("takeover_hold", none);
        return 0;
    });
    REQUIRE(watcher.next_signal(10s));
    waiter.kill();
    while (watcher.call("check", none)["connections"] != 1) {
    }
    CHECK(watcher.call("takeover_release", none).is_object());
    CHECK(watcher.call("status", none).is_object());
}

TEST_CASE("one user cannot take all connections")
{
    if (skip_unless_root()) return;
    const Folder folder;
    const ServerProcess server(folder.path("ctl"), {.connections = 30, .connections_of_user = 20});
    const auto hog = [&] {
        std::vector<std::unique_ptr<Client>> clients;
        for (int count = 0; count < 20; ++count) {
            clients.push_back(std::make_unique<Client>(folder.path("ctl")));
            clients.back()->call("status", none);
        }
        const auto more = [&] { Client(folder.path("ctl")).call("status", none); };
        if (error_of(more) != ErrorCode::unreachable) return 1;
        return 0;
    };
    CHECK(as_user(nobody, nobody, hog) == 0);
    Client client(folder.path("ctl"));
    while (client.call("check", none)["connections"] != 1) {
    }
    std::vector<std::unique_ptr<Client>> many;
    for (int count = 0; count < 100; ++count) {
        many.push_back(std::make_unique<Client>(folder.path("ctl")));
        CHECK(many.back()->call("status", none)["uid"] == 0);
    }
}

TEST_CASE("a client that does not read is disconnected")
{
    const Folder folder;
    const ServerProcess server(folder.path("ctl"), {.queued_messages = 50});
    Client deaf(folder.path("ctl"));
    deaf.call("status", none);
    Client client(folder.path("ctl"));
    // Reads after each burst, so its own queue stays short; the deaf one never does.
    for (int burst = 0; client.call("check", {{"events", 20}})["connections"] == 2; ++burst) {
        REQUIRE(burst < 1000);
        while (client.next_signal(0ms)) {
        }
    }
    CHECK(client.call("status", none).is_object());
    CHECK_THROWS_AS(
        [&] {
            while (deaf.next_signal(10s)) {
            }
        }(),
        bus::Error);
}

TEST_CASE("many changes become few signals, and the last one is told")
{
    const Folder folder;
    const ServerProcess server(folder.path("ctl"));
    Client client(folder.path("ctl"));
    client.call("links", {{"changes", 1000}});
    int told = 0;
    while (client.next_signal(1s)) ++told;
    CHECK(told == 2);
}

TEST_CASE("a dead daemon's socket is taken over, a living one's is not")
{
    const Folder folder;
    const std::string path = folder.path("ctl");
    {
        ServerProcess dead(path);
        dead.kill();
    }
    REQUIRE(access(path.c_str(), F_OK) == 0);
    CHECK(error_of([&] { Client{path}; }) == ErrorCode::unreachable);
    const ServerProcess living(path);
    event::Loop loop;
    const auto second = [&] { bus::Server(loop, {path, "", {}}, {}, {}); };
    CHECK_THROWS_WITH(second(), Catch::Contains("Another roleswapd answers"));
    CHECK(Client(path).call("status", none).is_object());
    struct stat found {};
    REQUIRE(stat(path.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0666);
}

TEST_CASE("what is not a socket is never removed")
{
    const Folder folder;
    const std::string path = folder.path("ctl");
    std::ofstream(path) << "precious";
    event::Loop loop;
    const auto make = [&] { bus::Server(loop, {path, "", {}}, {}, {}); };
    CHECK_THROWS_WITH(make(), Catch::Contains("is no socket"));
    CHECK(access(path.c_str(), F_OK) == 0);
}

TEST_CASE("a daemon that is not there or dies during a call is told as such")
{
    const Folder folder;
    CHECK(error_of([&] { Client(folder.path("ctl")); }) == ErrorCode::unreachable);
    const ServerProcess server(folder.path("ctl"));
    Client client(folder.path("ctl"));
    CHECK(error_of([&] { client.call("hand_over", none); }) == ErrorCode::unreachable);
    CHECK_THROWS_AS(client.next_signal(1s), bus::Error);
}

TEST_CASE("busctl finds the documented interface")
{
    if (!output_of("command -v busctl").starts_with("/")) {
        WARN("skipped: busctl is not installed");
        return;
    }
    const Folder folder;
    const ServerProcess server(folder.path("ctl"));
    const std::string busctl = "busctl --address=unix:path=" + folder.path("ctl") + " ";
    const std::string shown = output_of(busctl + "introspect org.roleswap1 /org/roleswap1");
    for (const bus::Verb& verb : bus::verbs())
        CHECK_THAT(shown, Catch::Contains("." + bus::method_name(verb) + " "));
    for (const char* name : {".Role ", ".Epoch ", ".Node ", ".Version ", ".Event ", ".Changed "})
        CHECK_THAT(shown, Catch::Contains(name));
    const std::string get = busctl + "get-property org.roleswap1 /org/roleswap1 "
                                     "org.roleswap1.Manager ";
    CHECK(output_of(get + "Role") == "s \"standby\"\n");
    CHECK(output_of(get + "Epoch") == "t 7\n");
    CHECK_THAT(output_of(busctl + "call org.roleswap1 /org/roleswap1 org.roleswap1.Manager Status "
                                  "s '{}'"),
               Catch::StartsWith("s \"{"));
}
