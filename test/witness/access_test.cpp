#include "setting.hpp"
#include "witness/secret.hpp"
#include <catch2/catch.hpp>
#include <fstream>
#include <sys/stat.h>

using namespace roleswap;
using namespace roleswap::test;
using namespace std::chrono_literals;

namespace {

witness::Options with_user(const Etcd& etcd, const std::string& user, const std::string& password)
{
    auto options = options_for({etcd.url()});
    options.login = {user, password};
    options.look_limit = 2s; // a login costs etcd a slow hash
    return options;
}

/// A user that may read and write below roleswap/ and nothing else; keys are base64.
void make_users(Etcd& etcd)
{
    etcd.post("/v3/auth/user/add", R"({"name":"root","password":"secret"})");
    etcd.post("/v3/auth/role/add", R"({"name":"root"})");
    etcd.post("/v3/auth/user/grant", R"({"user":"root","role":"root"})");
    etcd.post("/v3/auth/role/add", R"({"name":"pair"})");
    etcd.post("/v3/auth/role/grant",
              R"({"name":"pair","perm":{"permType":"READWRITE","key":"cm9sZXN3YXAv",)"
              R"("range_end":"cm9sZXN3YXAw"}})");
    etcd.post("/v3/auth/user/add", R"({"name":"alpha","password":"not easy"})");
    etcd.post("/v3/auth/user/grant", R"({"user":"alpha","role":"pair"})");
    etcd.post("/v3/auth/enable", "{}");
}

witness::Options with_tls(const Etcd& etcd, const Certificates& files, bool own)
{
    using witness::Readers;
    auto options = options_for({etcd.url()});
    options.tls.ca = witness::read_file(files.file("ca.pem"), Readers::anybody);
    if (!own) return options;
    options.tls.certificate = witness::read_file(files.file("client.pem"), Readers::anybody);
    options.tls.key = witness::read_file(files.file("client.key"), Readers::owner);
    return options;
}

} // namespace

TEST_CASE("a user with a password is let in, and again when etcd forgot it")
{
    event::Loop loop;
    Etcd etcd(loop);
    make_users(etcd);
    Side side(loop, with_user(etcd, "alpha", "not easy"));
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    CHECK(side.decide({1, 0, left}, {2, 0, right}).kind == Answer::Kind::granted);
    REQUIRE(side.wait_for(Health::well));
    etcd.kill(); // its tokens are in memory
    etcd.start();
    const auto answer = side.decide({2, 0, right}, {3, 0, left}, 15s);
    INFO(answer.why);
    CHECK(answer.kind == Answer::Kind::granted);
}

TEST_CASE("who is not let in is told so, and nothing is granted")
{
    event::Loop loop;
    Etcd etcd(loop);
    make_users(etcd);
    Side wrong(loop, with_user(etcd, "alpha", "guess"));
    // A password is made to be slow to check: on a busy machine the last of the tries may have had
    // no answer yet.
    std::string why;
    for (int tries = 0; tries < 4 && why.find("is not let in") == std::string::npos; ++tries) {
        const auto refused = wrong.decide({1, 0, left}, {2, 0, right}, 5s);
        CHECK(refused.kind == Answer::Kind::unreachable);
        why = refused.why;
    }
    CHECK(why.find("user \"alpha\" is not let in") != std::string::npos);
    Side nobody(loop, {etcd.url()});
    const auto unknown = nobody.decide({1, 0, left}, {2, 0, right}, 4s);
    CHECK(unknown.kind == Answer::Kind::unreachable);
    INFO(unknown.why);
    CHECK(unknown.why.find("password_file") != std::string::npos);
    CHECK(nobody.wait_for(Health::lost));
}

TEST_CASE("a user is no harm where etcd has none")
{
    event::Loop loop;
    Etcd etcd(loop);
    Side side(loop, with_user(etcd, "alpha", "not easy"));
    CHECK(side.create({1, 0, left}).kind == Answer::Kind::granted);
}

TEST_CASE("TLS with certificates of both sides")
{
    event::Loop loop;
    const Certificates files(loop), others(loop);
    Etcd etcd(loop, &files);
    CHECK(shortest([&] {
              Side side(loop, with_tls(etcd, files, true));
              const TurnMeter meter(loop);
              CHECK(side.create({1, 0, left}, Existing::replace).kind == Answer::Kind::granted);
              CHECK(side.decide({1, 0, left}, {2, 0, right}).kind == Answer::Kind::granted);
              return meter.worst();
          }) < 100ms);

    Side bare(loop, with_tls(etcd, files, false));
    CHECK(bare.decide({2, 0, right}, {3, 0, left}, 300ms).kind == Answer::Kind::unreachable);
    Side stranger(loop, with_tls(etcd, others, true));
    const auto answer = stranger.decide({2, 0, right}, {3, 0, left}, 2s);
    CHECK(answer.kind == Answer::Kind::unreachable);
    INFO(answer.why);
    CHECK(answer.why.find("certificate") != std::string::npos);
}

TEST_CASE("a password that others may read is refused")
{
    const Folder folder;
    const auto path = (folder.path() / "password").string();
    std::ofstream(path) << "not easy\n";
    for (const mode_t mode : {0644, 0640, 0604}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        CHECK_THROWS_WITH(witness::read_password(path), Catch::Contains("chmod 600"));
    }
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    CHECK(witness::read_password(path) == "not easy");
    std::ofstream(path, std::ios::trunc) << "\n";
    CHECK_THROWS_WITH(witness::read_password(path), Catch::Contains("is empty"));
    CHECK_THROWS_WITH(witness::read_password(path + "x"), Catch::Contains("No such file"));
}
