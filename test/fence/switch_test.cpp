#include "bench.hpp"
#include <array>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

using namespace roleswap;
using namespace roleswap::fence;
using namespace roleswap::fence::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

/// Plays a power switch with outlet 1 on a pseudo-terminal:
///   OFF 1 CR     -> "OK 1 OFF" CR, after `delay`
///   STATUS 1 CR  -> "1=ON" CR or "1=OFF" CR
class FakeSwitch {
public:
    explicit FakeSwitch(event::Loop& loop)
        : master_(event::check(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), "pty")),
          answer_(loop, [this] { say(pending_); })
    {
        ::grantpt(master_.get());
        ::unlockpt(master_.get());
        std::array<char, 64> name{};
        ::ptsname_r(master_.get(), name.data(), name.size());
        path = name.data();
        keep_open_ = event::UniqueFd(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
        termios terminal{};
        ::tcgetattr(master_.get(), &terminal);
        ::cfmakeraw(&terminal);
        ::tcsetattr(master_.get(), TCSANOW, &terminal);
        io_ = std::make_unique<event::Io>(loop, master_.get(), EPOLLIN,
                                          [this](std::uint32_t) { read(); });
    }
    void say(const std::string& text) { (void)!::write(master_.get(), text.data(), text.size()); }
    void pull_out()
    {
        io_.reset();
        keep_open_.reset();
        master_.reset();
    }

    std::string path;
    bool on = true;
    bool deaf = false;   ///< says nothing
    bool lies = false;   ///< says OK and stays on
    bool broken = false; ///< answers "ERR"
    Duration delay{0};
    int status_delay = 0; ///< so many questions are answered with "on" after off
    std::string heard;

private:
    void read()
    {
        std::array<char, 64> bytes{};
        const auto got = ::read(master_.get(), bytes.data(), bytes.size());
        if (got <= 0) return;
        heard.append(bytes.data(), static_cast<std::size_t>(got));
        line_.append(bytes.data(), static_cast<std::size_t>(got));
        const auto end = line_.find('\r');
        if (end == std::string::npos) return;
        const auto line = line_.substr(0, end);
        line_.erase(0, end + 1);
        obey(line);
    }
    void obey(const std::string& line)
    {
        if (deaf) return;
        if (broken) return say("ERR\r");
        if (line == "OFF 1") {
            if (!lies) on = false;
            pending_ = "OK 1 OFF\r";
            answer_.start_in(delay + Duration(1));
        } else if (line == "STATUS 1") {
            const bool shown = on || status_delay-- > 0;
            say(shown ? "1=ON\r" : "1=OFF\r");
        }
    }
    event::UniqueFd master_;
    event::UniqueFd keep_open_; ///< a pseudo-terminal that nobody has open is hung up
    std::string line_;
    std::string pending_;
    event::Timer answer_;
    std::unique_ptr<event::Io> io_;
};

enum class Words { answer, status, both, none };

Options with(const FakeSwitch& device, Words words)
{
    Options options;
    options.peer = "right";
    SwitchOptions port;
    port.port = device.path;
    port.line.baud = 9600;
    port.off = "OFF 1\r";
    if (words == Words::answer || words == Words::both) port.off_answer = "OK 1 OFF";
    if (words == Words::status || words == Words::both) {
        port.status = "STATUS 1\r";
        port.status_on = "1=ON";
        port.status_off = "1=OFF";
    }
    options.device = port;
    options.command_timeout = 500ms;
    options.timeout = 3s;
    options.attempts = 2;
    options.status_every = 20ms;
    options.monitor = 0s;
    return options;
}

} // namespace

TEST_CASE("a serial switch confirms by its answer, by its status, or by both")
{
    Bench bench;
    FakeSwitch device(bench.loop);
    const auto words = GENERATE(Words::answer, Words::status, Words::both);
    bench.make(with(device, words));
    REQUIRE(bench.answer() == Result::confirmed);
    CHECK_FALSE(device.on);
    CHECK(device.heard.starts_with("OFF 1\r"));
    CHECK((device.heard.find("STATUS") != std::string::npos) == (words != Words::answer));
}

TEST_CASE("a slow serial switch is waited for")
{
    Bench bench;
    FakeSwitch device(bench.loop);
    device.delay = 300ms;
    device.status_delay = 3;
    bench.make(with(device, Words::both));
    REQUIRE(bench.answer() == Result::confirmed);
    CHECK(bench.report().took >= 300ms);
    CHECK_THAT(bench.report().why, Contains("says that right is off"));
}

TEST_CASE("a serial switch that is silent, answers with an error or lies confirms nothing")
{
    Bench bench;
    FakeSwitch device(bench.loop);
    const int how = GENERATE(0, 1, 2);
    device.deaf = how == 0;
    device.broken = how == 1;
    device.lies = how == 2;
    bench.make(with(device, Words::both));
    REQUIRE(bench.answer() == Result::failed);
    CHECK_THAT(bench.report().why, Contains(how == 0   ? "the switch said nothing within 500 ms"
                                            : how == 1 ? "the switch said \"ERR\\r\""
                                                       : "status still says on"));
    std::size_t orders = 0;
    for (auto at = device.heard.find("OFF 1"); at != std::string::npos;
         at = device.heard.find("OFF 1", at + 1))
        ++orders;
    CHECK(orders == 2); // two attempts
}

TEST_CASE("a serial switch without any answer is trusted only where that is said")
{
    Bench bench;
    FakeSwitch device(bench.loop);
    auto options = with(device, Words::none);
    const bool trust = GENERATE(false, true);
    std::get<SwitchOptions>(options.device).trust = trust;
    bench.make(options);
    REQUIRE(bench.answer() == (trust ? Result::confirmed : Result::failed));
    CHECK(device.heard.starts_with("OFF 1\r"));
    if (!trust) CHECK_THAT(bench.report().why, Contains("no answer is configured"));
}

TEST_CASE("what the switch said before is no answer")
{
    Bench bench;
    FakeSwitch device(bench.loop);
    device.say("OK 1 OFF\r1=OFF\r");
    device.deaf = true;
    bench.make(with(device, Words::answer));
    REQUIRE(bench.answer() == Result::failed);
}

TEST_CASE("a serial port that is missing or goes away is told")
{
    Bench bench;
    FakeSwitch device(bench.loop);
    auto options = with(device, Words::both);
    const bool missing = GENERATE(true, false);
    if (missing) std::get<SwitchOptions>(options.device).port = "/dev/no-such-port";
    device.deaf = true;
    bench.make(options);
    bench.fence->fence(1);
    bench.run_for(50ms);
    if (!missing) device.pull_out();
    REQUIRE(bench.run_until([&] { return !bench.answers.empty(); }));
    CHECK(bench.answers[0].second == Result::failed);
    CHECK_THAT(bench.all_events(), Contains(missing ? "/dev/no-such-port" : "went away"));
}

TEST_CASE("a look at a serial switch tells the power, or at least opens the port")
{
    Bench bench;
    FakeSwitch device(bench.loop);
    const auto words = GENERATE(Words::answer, Words::status);
    bench.make(with(device, words));
    std::optional<Look> look;
    const auto ask = [&] {
        look.reset();
        bench.fence->look([&](const Look& seen, Duration) { look = seen; });
        return bench.run_until([&] { return look.has_value(); });
    };
    REQUIRE(ask());
    CHECK(look->power == (words == Words::answer ? Look::Power::unknown : Look::Power::on));
    CHECK(device.on);
    if (words == Words::answer) return;
    device.on = false;
    REQUIRE(ask());
    CHECK(look->power == Look::Power::off);
    device.deaf = true;
    REQUIRE(ask());
    CHECK(look->power == Look::Power::failed);
}
