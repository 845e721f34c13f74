#include "helpers.hpp"
#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <unistd.h>

using namespace roleswap;

namespace {

/// What can be read of it: a process may end meanwhile, which an iterator would throw.
std::string read_file(const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

} // namespace

std::string World::own_name()
{
    return "test-" + std::to_string(::getpid());
}

run::ExecutorSettings World::usual(run::Isolation isolation, std::string name)
{
    run::ExecutorSettings settings;
    settings.name = std::move(name);
    settings.isolation = isolation;
    settings.term_grace = std::chrono::milliseconds(100);
    if (const char* spawner = std::getenv("ROLESWAP_KEEPER")) settings.spawner = spawner;
    return settings;
}

World::World(run::Isolation isolation, std::string name) : World(usual(isolation, std::move(name)))
{
}

World::World(run::ExecutorSettings given)
    : settings(std::move(given)), executor(loop, settings, [this](const run::OutputLine& line) {
          lines.emplace_back(line.text);
      })
{
    prepare();
}

void World::prepare()
{
    bool ready = false;
    executor.prepare([&] { ready = true; });
    loop_until([&] { return ready; });
}

void World::loop_until(const std::function<bool()>& done)
{
    // Not Loop::run: an sd-event loop that has ended cannot be run again.
    while (!done()) {
        sd_event_run(loop.get(), UINT64_MAX);
        if (sd_event_get_state(loop.get()) != SD_EVENT_INITIAL) loop.run(); // throws what failed
    }
}

void World::start(run::RunSpec spec)
{
    executor.start(std::move(spec), [this](const run::RunEnd& end) { ends[end.id] = end; });
}

run::RunEnd World::wait(run::RunId id)
{
    loop_until([&] { return ends.contains(id); });
    return ends.at(id);
}

run::RunEnd World::run(run::RunSpec spec)
{
    spec.id = spec.id == 0 ? static_cast<run::RunId>(ends.size() + 1) : spec.id;
    const auto id = spec.id;
    start(std::move(spec));
    return wait(id);
}

void World::wait_line(const std::string& text)
{
    loop_until([&] { return std::find(lines.begin(), lines.end(), text) != lines.end(); });
}

void World::kill_all()
{
    bool dead = false;
    executor.kill_all([&] { dead = true; });
    loop_until([&] { return dead; });
}

std::vector<pid_t> processes_with(const std::string& word)
{
    std::vector<pid_t> found;
    DIR* proc = ::opendir("/proc");
    while (const dirent* entry = ::readdir(proc)) {
        const pid_t pid = std::atoi(entry->d_name);
        if (pid <= 0 || pid == ::getpid()) continue;
        const auto base = "/proc/" + std::to_string(pid);
        const auto text = read_file(base + "/environ") + read_file(base + "/cmdline");
        if (text.find(word) != std::string::npos) found.push_back(pid);
    }
    ::closedir(proc);
    return found;
}

bool cgroups_work()
{
    static const bool works = [] {
        try {
            event::Loop loop;
            run::ExecutorSettings settings;
            settings.name = World::own_name();
            settings.isolation = run::Isolation::cgroup;
            const run::Executor executor(loop, settings, [](const run::OutputLine&) {});
            return true;
        } catch (const std::exception&) {
            return false;
        }
    }();
    return works;
}

bool helped()
{
    return cgroups_work() && std::getenv("ROLESWAP_KEEPER") != nullptr;
}

pid_t helper_of(const World& world)
{
    pid_t pid = 0;
    for (const auto& entry : std::filesystem::directory_iterator(world.executor.group()))
        if (entry.path().filename().string().starts_with("spawner-"))
            std::ifstream(entry.path() / "cgroup.procs") >> pid;
    return pid;
}
