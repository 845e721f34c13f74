#include "etcd.hpp"
#include "http/client.hpp"
#include <arpa/inet.h>
#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <optional>
#include <sys/socket.h>

using namespace roleswap;
using namespace roleswap::test;
using namespace std::chrono_literals;

namespace {

struct Asked {
    std::optional<http::Outcome> outcome;
    http::OnDone note()
    {
        return [this](const http::Outcome& got) { outcome = got; };
    }
    bool failed() const { return outcome && std::holds_alternative<http::Failure>(*outcome); }
    long status() const { return std::get<http::Response>(*outcome).status; }
};

} // namespace

TEST_CASE("requests run side by side, and those that are cancelled are silent")
{
    event::Loop loop;
    Etcd etcd(loop);
    http::Client client(loop);
    Asked one, two, three, four;
    const http::Request range{etcd.url() + "/v3/kv/range", R"({"key":"eA=="})"};
    client.start(range, one.note());
    const auto off = client.start(range, two.note());
    client.start({etcd.url() + "/version"}, three.note());
    client.start({etcd.url() + "/nothing"}, four.note());
    client.cancel(off);
    REQUIRE(wait(loop, [&] { return client.pending() == 0; }));
    CHECK(one.status() == 200);
    CHECK_FALSE(two.outcome);
    CHECK(three.status() == 200);
    CHECK(four.status() == 404);
}

TEST_CASE("a callback may cancel others and start more")
{
    event::Loop loop;
    Etcd etcd(loop);
    http::Client client(loop);
    const http::Request version{etcd.url() + "/version"};
    int answers = 0;
    std::vector<http::RequestId> ids;
    std::function<void()> more;
    const auto on_done = [&](const http::Outcome&) {
        ++answers;
        for (const auto id : ids) client.cancel(id);
        ids.clear();
        if (answers < 20) more();
    };
    more = [&] {
        for (int i = 0; i < 3; ++i) ids.push_back(client.start(version, on_done));
    };
    more();
    REQUIRE(wait(loop, [&] { return client.pending() == 0; }));
    CHECK(answers == 20);
}

namespace {

/// Listens and takes nobody any more: who connects waits, until the listener is gone.
class FullListener {
public:
    FullListener() : listener_(open())
    {
        auto* plain = reinterpret_cast<sockaddr*>(&address_);
        socklen_t length = sizeof address_;
        event::check(::bind(listener_.get(), plain, length), "bind");
        event::check(::listen(listener_.get(), 0), "listen");
        event::check(::getsockname(listener_.get(), plain, &length), "getsockname");
        for (auto& guest : guests_) {
            guest = event::UniqueFd(open());
            ::connect(guest.get(), plain, length);
        }
    }
    std::string url() const
    {
        return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port));
    }
    void close() { listener_.reset(); }

private:
    static int open() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }
    sockaddr_in address_{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    event::UniqueFd listener_;
    std::array<event::UniqueFd, 3> guests_;
};

int sockets_of(pid_t pid)
{
    int count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
        if (std::filesystem::read_symlink(entry).string().starts_with("socket:")) ++count;
    return count;
}

} // namespace

TEST_CASE("a process that is started while a request connects inherits nothing of it")
{
    event::Loop loop;
    const event::Command sleep{.argv = {"/bin/sleep", "9"}, .death_signal = SIGKILL};
    FullListener full;
    http::Client client(loop);
    event::Process earlier(loop, sleep, [](const event::Ended&) {});
    Asked asked;
    http::Request request{full.url()};
    request.timeout = 150ms;
    client.start(request, asked.note());
    wait(
        loop, [] { return false; }, 50ms); // it connects, and has no answer
    event::Process later(loop, sleep, [](const event::Ended&) {});
    REQUIRE(wait(loop, [&] { return asked.outcome.has_value(); }));
    CHECK(sockets_of(later.pid()) == sockets_of(earlier.pid()));
    // A connection that lives on in the process would now tell a loop that has forgotten it.
    full.close();
    CHECK_FALSE(wait(
        loop, [] { return false; }, 1500ms));
}

TEST_CASE("what is over the limit of time fails at that time")
{
    event::Loop loop;
    Etcd etcd(loop);
    etcd.freeze();
    http::Client client(loop);
    Asked asked;
    http::Request request{etcd.url() + "/version"};
    request.timeout = 150ms;
    const auto began = event::Loop::now();
    client.start(request, asked.note());
    REQUIRE(wait(loop, [&] { return asked.outcome.has_value(); }));
    CHECK(asked.failed());
    CHECK(event::Loop::now() - began >= 150ms);
    CHECK(event::Loop::now() - began < 2s);
}

TEST_CASE("a client may go while requests are under way")
{
    event::Loop loop;
    Etcd etcd(loop);
    int answers = 0;
    const auto count = [&](const http::Outcome&) { ++answers; };
    {
        http::Client client(loop);
        for (int i = 0; i < 5; ++i) client.start({etcd.url() + "/version"}, count);
        client.start({"http://name.invalid/"}, count);
        wait(
            loop, [] { return false; }, 1ms);
    }
    const int before = answers;
    CHECK_FALSE(wait(
        loop, [&] { return answers > before; }, 50ms));
}

TEST_CASE("a name that does not exist is a failure, not a wait")
{
    event::Loop loop;
    http::Client client(loop);
    Asked asked;
    http::Request request{"http://name.invalid/"};
    request.timeout = 2s;
    client.start(request, asked.note());
    REQUIRE(wait(
        loop, [&] { return asked.outcome.has_value(); }, 3s));
    CHECK(asked.failed());
}
