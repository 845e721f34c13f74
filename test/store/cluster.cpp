#include "cluster.hpp"
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <pwd.h>
#include <stdexcept>
#include <unistd.h>

namespace roleswap::test {

namespace fs = std::filesystem;

std::string bin_dir()
{
    std::string best;
    int newest = 0;
    const fs::path root = "/usr/lib/postgresql";
    if (fs::exists(root))
        for (const auto& entry : fs::directory_iterator(root)) {
            const int version = std::atoi(entry.path().filename().c_str());
            if (version <= newest || !fs::exists(entry.path() / "bin/postgres")) continue;
            newest = version;
            best = entry.path() / "bin";
        }
    if (!best.empty()) return best;
    std::puts("SKIPPED: store tests need PostgreSQL below /usr/lib/postgresql");
    std::exit(77);
}

std::string os_user()
{
    for (const char* name : {"roleswap", "postgres", "nobody"})
        if (::getpwnam(name) != nullptr) return name;
    std::puts("SKIPPED: store tests as root need a user roleswap, postgres or nobody");
    std::exit(77);
}

Folder::Folder()
{
    // In memory where that is possible: a busy disk would only make the figures useless.
    std::string name = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm/roleswap-store-XXXXXX"
                                                       : "/tmp/roleswap-store-XXXXXX";
    if (const char* folder = std::getenv("ROLESWAP_TEST_FOLDER"); folder != nullptr)
        name = std::string(folder) + "/roleswap-store-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
    fs::permissions(path_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
}

Folder::~Folder()
{
    std::error_code ignored; // a leftover in /tmp is no failure of the test
    fs::remove_all(path_, ignored);
}

bool wait(event::Loop& loop, const std::function<bool()>& done, event::Duration limit)
{
    const auto end = event::Loop::now() + limit;
    while (!done()) {
        if (event::Loop::now() > end) return false;
        if (sd_event_get_state(loop.get()) == SD_EVENT_FINISHED) loop.run(); // throws
        sd_event_run(loop.get(), 20'000);
    }
    return true;
}

Cluster::Cluster(event::Loop& loop) : loop_(loop)
{
    const auto data = folder_.path() / "data";
    if (::geteuid() == 0) {
        const auto user = event::find_user(os_user());
        if (::chown(folder_.path().c_str(), user.uid, user.gid) != 0)
            throw std::runtime_error("chown failed");
    }
    std::string failure = "initdb did not end";
    bool ended = false;
    event::Process initdb(loop,
                          command({bin_dir() + "/initdb", "-D", data, "-N", "-A", "trust", "-U",
                                   "tester", "--locale=C"}),
                          [&](const event::Ended& how) {
                              ended = true;
                              failure = how.ok() ? "" : how.describe();
                          });
    wait(loop, [&] { return ended; });
    if (!failure.empty()) throw std::runtime_error(failure);
    start();
}

Cluster::~Cluster()
{
    if (running_) kill();
}

event::Command Cluster::command(std::vector<std::string> argv) const
{
    event::Command command;
    command.argv = std::move(argv);
    command.death_signal = SIGQUIT;
    if (::geteuid() == 0) command.as = event::find_user(os_user());
    return command;
}

void Cluster::start()
{
    log_.clear();
    postgres_ = std::make_unique<event::Process>(
        loop_,
        command({bin_dir() + "/postgres", "-D", folder_.path() / "data", "-k", folder_.path(), "-h",
                 "", "-F"}),
        [this](const event::Ended&) { running_ = false; },
        [this](std::string_view text) { log_ += text; });
    running_ = true;
    const auto ready = [this] {
        return log_.find("ready to accept connections") != std::string::npos;
    };
    if (!wait(loop_, [&] { return ready() || !running_; }) || !running_)
        throw std::runtime_error("postgres did not start: " + log_);
}

void Cluster::kill()
{
    postgres_->signal(SIGQUIT);
    wait(loop_, [this] { return !running_; });
}

std::string Cluster::conninfo() const
{
    return "host=" + folder_.path().string() + " user=tester dbname=postgres";
}

} // namespace roleswap::test
