/// The limit of the bench of starts: the fewest calls that start /bin/true and see it end.
/// usage: bare spawn COUNT AT-A-TIME | bare cgroup COUNT AT-A-TIME FOLDER | bare burst COUNT
/// PROGRAM ARGUMENT `spawn` uses posix_spawn; `cgroup` clones each into a cgroup of its own under
/// FOLDER, waits for it and removes the cgroup.  Prints starts per second.  `burst` starts all at
/// once, by posix_spawn, and waits for their ends; prints when it began, in seconds since 1970.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <linux/sched.h>
#include <map>
#include <spawn.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

char program[] = "/bin/true";
char* arguments[] = {program, nullptr};

[[noreturn]] void give_up(const char* what)
{
    std::perror(what);
    std::exit(1);
}

pid_t spawn()
{
    pid_t pid = -1;
    if (::posix_spawn(&pid, program, nullptr, nullptr, arguments, environ) != 0)
        give_up("posix_spawn");
    return pid;
}

pid_t clone_into(const std::string& folder)
{
    if (::mkdir(folder.c_str(), 0755) != 0) give_up(folder.c_str());
    const int group = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    clone_args args{};
    args.flags = CLONE_INTO_CGROUP;
    args.exit_signal = SIGCHLD;
    args.cgroup = static_cast<std::uint64_t>(group);
    const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
    if (pid == 0) {
        ::execve(program, arguments, environ);
        ::_exit(127);
    }
    if (pid < 0) give_up("clone3");
    ::close(group);
    return pid;
}

struct Options {
    bool in_cgroup = false;
    long count = 0;
    std::size_t at_a_time = 1;
    std::string folder;
};

void wait_for_one(std::map<pid_t, std::string>& alive)
{
    const pid_t pid = ::waitpid(-1, nullptr, 0);
    const auto folder = alive.extract(pid).mapped();
    if (!folder.empty() && ::rmdir(folder.c_str()) != 0) give_up(folder.c_str());
}

double measure(const Options& options)
{
    std::map<pid_t, std::string> alive;
    const auto begun = std::chrono::steady_clock::now();
    for (long number = 0; number < options.count; ++number) {
        if (alive.size() == options.at_a_time) wait_for_one(alive);
        const auto folder = options.folder + "/bare-" + std::to_string(number);
        if (options.in_cgroup)
            alive.emplace(clone_into(folder), folder);
        else
            alive.emplace(spawn(), "");
    }
    while (!alive.empty()) wait_for_one(alive);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    return static_cast<double>(options.count) / took.count();
}

void burst(long count, char* path, char* argument)
{
    char* words[] = {path, argument, nullptr};
    timespec begun{};
    ::clock_gettime(CLOCK_REALTIME, &begun);
    for (long number = 0; number < count; ++number) {
        pid_t pid = -1;
        if (::posix_spawn(&pid, path, nullptr, nullptr, words, environ) != 0) give_up(path);
    }
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
    std::printf("%lld.%09ld\n", static_cast<long long>(begun.tv_sec), begun.tv_nsec);
}

} // namespace

int main(int count, char** words)
{
    if (count == 5 && std::string_view{words[1]} == "burst") {
        burst(std::atol(words[2]), words[3], words[4]);
        return 0;
    }
    Options options;
    options.in_cgroup = count == 5 && std::string_view{words[1]} == "cgroup";
    if (!options.in_cgroup && !(count == 4 && std::string_view{words[1]} == "spawn")) {
        std::fputs("usage: bare spawn COUNT AT-A-TIME | bare cgroup COUNT AT-A-TIME FOLDER |\n"
                   "       bare burst COUNT PROGRAM ARGUMENT\n",
                   stderr);
        return 2;
    }
    options.count = std::atol(words[2]);
    options.at_a_time = static_cast<std::size_t>(std::max(1L, std::atol(words[3])));
    if (options.in_cgroup) options.folder = words[4];
    std::printf("%.1f\n", measure(options));
    return 0;
}
