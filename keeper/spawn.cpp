#include "spawn.hpp"
#include "precedence.hpp"
#include "run/child.hpp"
#include "run/spawn_wire.hpp"
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace roleswap::keeper {
namespace {

using run::SpawnAnswer;

run::SpawnPage* map_page()
{
    void* page = ::mmap(nullptr, sizeof(run::SpawnPage), PROT_READ | PROT_WRITE, MAP_SHARED,
                        run::spawn_page, 0);
    event::check(page == MAP_FAILED ? -1 : 0, "map the page of the daemon");
    return static_cast<run::SpawnPage*>(page);
}

/// What is passed here must not become one of these: a task gets its own ones there.
void occupy_standard_descriptors()
{
    const event::UniqueFd nothing(
        event::check(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
    event::check(::dup2(nothing.get(), STDIN_FILENO), "occupy standard input");
    event::check(::dup2(nothing.get(), STDOUT_FILENO), "occupy standard output");
}

/// A child of the daemon like this process, clone3(2), CLONE_PARENT: it is the one that waits for
/// it, and with whose death it is killed.
pid_t clone_for_daemon(std::atomic<pid_t>& place, int cgroup)
{
    clone_args args{};
    args.flags = CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_INTO_CGROUP;
    args.parent_tid = reinterpret_cast<std::uintptr_t>(&place);
    args.cgroup = static_cast<std::uint64_t>(cgroup);
    return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

std::int64_t now_us()
{
    using namespace std::chrono;
    return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

/// What all tasks have in common.
struct Tasks {
    pid_t daemon;
    int priority; ///< setpriority(2)
};

SpawnAnswer start(const run::SpawnRequest& request, run::SpawnPage& page, Tasks tasks)
{
    using Step = SpawnAnswer::Step;
    const auto slot = static_cast<std::uint32_t>(request.slot);
    // There already: another of our kind was killed before it came to the clone.
    if (::mkdir(request.folder.c_str(), 0755) != 0 && errno != EEXIST)
        return {slot, Step::folder, errno};
    const event::UniqueFd folder(::open(request.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return {slot, Step::folder, errno};
    page.times.at(request.slot) = now_us();
    const auto pid = clone_for_daemon(page.pids.at(request.slot), folder.get());
    if (pid == 0) {
        ::setpriority(PRIO_PROCESS, 0, tasks.priority);
        run::become_task(*request.plan, tasks.daemon);
    }
    return {slot, Step::clone, pid < 0 ? errno : 0};
}

} // namespace

int spawn()
{
    const auto daemon = ::getppid();
    const event::UniqueFd control(::fcntl(run::spawn_socket, F_DUPFD_CLOEXEC, 3));
    run::SpawnPage* const page = map_page();
    occupy_standard_descriptors();
    ::prctl(PR_SET_NAME, "roleswap-spawn");
    run::become_ordinary(); // once, and all that it clones is so
    Precedence precedence(daemon);
    while (const auto request = run::receive_spawn(control.get())) {
        precedence.note_start();
        const auto answer = start(*request, *page, {daemon, precedence.of_tasks()});
        if (::send(control.get(), &answer, sizeof answer, MSG_NOSIGNAL) < 0) break;
    }
    return 0;
}

} // namespace roleswap::keeper
