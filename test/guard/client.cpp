// A small daemon for the tests of the guard: it has tasks, a store where --store is given, and the
// guard, does what it is told on standard input, line by line, and says what happens.
#include "guard/client.hpp"
#include "run/executor.hpp"
#include "store/managed.hpp"
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <sys/epoll.h>
#include <unistd.h>

using namespace roleswap;

namespace {

using Options = std::map<std::string, std::string>;

class Daemon final : private store::Handler {
public:
    explicit Daemon(Options options);
    int run() { return loop_.run(); }

private:
    void on_store(const core::StoreEvent& event) override;
    void on_store_note(std::string_view, const std::string&) override {}

    static run::ExecutorSettings executor_settings(const Options& options);
    guard::Settings guard_settings() const;
    store::Options store_options() const;
    std::string sibling(const char* name) const;
    void ready();
    void read();
    void carry_out(std::istringstream words);
    void turn();
    static void say(const std::string& text)
    {
        std::puts(text.c_str());
        std::fflush(stdout);
    }

    Options options_;
    event::Loop loop_;
    run::Executor executor_;
    guard::Client guard_;
    std::optional<store::ManagedStore> store_;
    run::RunId runs_ = 0;
    event::Duration extension_{0}; ///< at each turn of the clock; 0 = none
    std::string input_;
    event::Io io_;
    event::Timer clock_;
};

Daemon::Daemon(Options options)
    : options_(std::move(options)),
      executor_(loop_, executor_settings(options_),
                [](const run::OutputLine& line) { say("out " + std::string(line.text)); }),
      guard_(loop_, guard_settings(),
             {[this] { ready(); }, [](const std::string& why) { say("lost " + why); },
              [] { say("fired"); }}),
      io_(loop_, 0, EPOLLIN, [this](std::uint32_t) { read(); }), clock_(loop_, [this] { turn(); })
{
    if (options_.contains("store"))
        store_.emplace(loop_, store_options(), static_cast<store::Handler&>(*this));
    executor_.prepare([this] { guard_.start(); });
    clock_.start_every(std::chrono::milliseconds(10));
}

run::ExecutorSettings Daemon::executor_settings(const Options& options)
{
    run::ExecutorSettings settings;
    settings.name = options.at("name");
    settings.isolation =
        options.at("isolation") == "cgroup" ? run::Isolation::cgroup : run::Isolation::keeper;
    return settings;
}

std::string Daemon::sibling(const char* name) const
{
    const auto group = executor_.group();
    return group.empty() ? group : group + "." + name;
}

guard::Settings Daemon::guard_settings() const
{
    guard::Settings settings;
    settings.program = options_.at("guard");
    settings.own_group = sibling("guard");
    const auto stand_in = options_.find("task-group");
    settings.task_group = stand_in == options_.end() ? executor_.group() : stand_in->second;
    if (options_.contains("unit-group")) settings.unit_group = options_.at("unit-group");
    settings.store_group = sibling("store");
    settings.marker = executor_.marker();
    if (options_.contains("store"))
        settings.cluster =
            std::filesystem::weakly_canonical(options_.at("store") + "/store/pg").string();
    if (options_.contains("device")) {
        settings.open_watchdog = [path = options_.at("device")] {
            return guard::arm_watchdog(path, std::chrono::seconds(5));
        };
        settings.watchdog_timeout = std::chrono::seconds(5);
    }
    if (options_.contains("food")) {
        // A FIFO in place of the device: it takes the food, though not the ioctl that arms one.
        settings.open_watchdog = [path = options_.at("food")] {
            return event::UniqueFd(
                event::check(::open(path.c_str(), O_RDWR | O_CLOEXEC), "open " + path));
        };
        settings.watchdog_timeout = std::chrono::milliseconds(400);
    }
    return settings;
}

store::Options Daemon::store_options() const
{
    store::Options options;
    options.data_dir = options_.at("store");
    options.run_dir = options_.at("store") + "/run";
    options.bin_dir = options_.at("bin");
    options.user = options_.at("user");
    options.port = static_cast<std::uint16_t>(std::stoi(options_.at("port")));
    options.name = "left";
    options.peer_name = "right";
    options.links = {{"lan", "127.0.0.1", "127.0.0.2"}};
    options.replication_password = "secret";
    options.certificate = options_.at("certificate");
    options.private_key = options_.at("key");
    options.cgroup = sibling("store");
    return options;
}

void Daemon::ready()
{
    const auto now = guard_.snapshot();
    say(fmt::format("ready {} watchdog={} {}", now.protection, now.watchdog, now.watchdog_trouble));
}

void Daemon::on_store(const core::StoreEvent& event)
{
    if (event.kind == core::StoreEvent::Kind::primary)
        say(fmt::format("primary {}", store_->snapshot().pid));
}

void Daemon::turn()
{
    guard_.look(std::chrono::milliseconds(10));
    if (extension_.count() > 0) (void)guard_.extend((event::Loop::now() + extension_).count());
}

void Daemon::read()
{
    char text[4096];
    const auto got = ::read(0, text, sizeof text);
    if (got <= 0) return loop_.exit(0);
    input_.append(text, static_cast<std::size_t>(got));
    for (auto end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
        carry_out(std::istringstream(input_.substr(0, end)));
        input_.erase(0, end + 1);
    }
}

void Daemon::carry_out(std::istringstream words)
{
    std::string verb;
    std::int64_t ms = 0;
    words >> verb;
    if (verb == "task") {
        std::string command;
        std::getline(words, command);
        executor_.start({.id = ++runs_, .command = command},
                        [](const run::RunEnd& end) { say("end " + end.why); });
    } else if (verb == "arm" && words >> ms) {
        const auto until = (event::Loop::now() + std::chrono::milliseconds(ms)).count();
        say(fmt::format("armed {} {}", until, static_cast<int>(guard_.extend(until))));
    } else if (verb == "extend" && words >> ms) {
        extension_ = std::chrono::milliseconds(ms);
    } else if (verb == "disarm") {
        extension_ = {};
        say(fmt::format("disarmed {}", static_cast<int>(guard_.extend(guard::never))));
    } else if (verb == "lead") {
        store_->lead(1);
    } else if (verb == "firing") {
        const auto firing = guard_.firing();
        say(fmt::format("firing {} {} {}", guard_.fired(), firing.deadline.count(),
                        firing.dead_after.value_or(event::Duration(-1)).count()));
    } else if (verb == "note") {
        guard_.note_firing();
        say("noted");
    } else if (verb == "guard") {
        guard_.start();
    } else if (verb == "quit") {
        executor_.kill_all([this] { loop_.exit(0); });
    }
}

} // namespace

int main(int argc, char** argv)
{
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
    try {
        return Daemon(std::move(options)).run();
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
