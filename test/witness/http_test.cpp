#include "etcd.hpp"
#include "http/client.hpp"
#include <catch2/catch.hpp>
#include <optional>

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
