#include "protect.hpp"
#include "text.hpp"
#include "version.hpp"
#include "watch.hpp"
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace {

using namespace roleswap::guard;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

constexpr const char* help =
    "roleswap-guard - kills tasks and store of a roleswapd that is frozen or dead; see "
    "roleswap-guard(8)\n\n"
    "Started by roleswapd(8), never by hand.\n"
    "  --daemon PID --own-group FOLDER --task-group FOLDER --unit-group FOLDER\n"
    "  --store-group FOLDER\n"
    "  --marker NAME=VALUE --cluster FOLDER --watchdog MILLISECONDS --version --help\n";

/// Statically kept: nothing of it is ever freed, and the guard allocates nothing.
Setup setup;
const char* store_folder = nullptr;
const char* own_folder = nullptr;

int fail(const char* what)
{
    std::perror(what);
    return exit_failed;
}

/// One option with its value; false where it is not known.
bool take(const char* option, const char* value)
{
    const auto is = [option](const char* name) { return std::strcmp(option, name) == 0; };
    if (is("--daemon"))
        setup.marks.daemon = static_cast<pid_t>(number_at(value));
    else if (is("--task-group"))
        setup.tasks.open(value);
    else if (is("--unit-group"))
        setup.units = ComingGroup(value);
    else if (is("--store-group"))
        setup.store.open(store_folder = value);
    else if (is("--own-group"))
        own_folder = value;
    else if (is("--marker"))
        setup.marks.marker = value;
    else if (is("--cluster"))
        setup.marks.cluster = value;
    else if (is("--watchdog"))
        setup.watchdog_timeout = number_at(value) * 1000;
    else
        return false;
    return true;
}

const char* open_all()
{
    void* page =
        ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, page_descriptor, 0);
    if (page == MAP_FAILED) return "roleswap-guard: the page of the daemon (descriptor 3)";
    setup.page = static_cast<Page*>(page);
    setup.socket = socket_descriptor;
    if (setup.watchdog_timeout > 0) setup.watchdog = watchdog_descriptor;
    // Where the kernel has none, or the daemon is dead already, the socket tells.
    setup.daemon = static_cast<int>(::syscall(SYS_pidfd_open, setup.marks.daemon, 0));
    setup.timer = ::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    return setup.timer < 0 ? "roleswap-guard: a timer" : nullptr;
}

/// Nothing of the daemon is left: the empty cgroups go, too.  Not after a crash: a new daemon may
/// be using them already.
void remove_groups()
{
    if (store_folder != nullptr) ::rmdir(store_folder);
    if (own_folder == nullptr) return;
    const int parent =
        ::open(Path().add(own_folder).add("/../cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    if (parent < 0) return;
    [[maybe_unused]] const auto written = ::write(parent, "0", 1); // leaves its own
    ::rmdir(own_folder);
}

std::uint32_t groups()
{
    return (setup.tasks.there() ? tasks_group : 0U) | (setup.store.there() ? store_group : 0U);
}

} // namespace

int main(int argc, char** argv)
{
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--help") == 0) return std::fputs(help, stdout) < 0;
        if (std::strcmp(argv[i], "--version") == 0)
            return std::printf("roleswap-guard %s\n", roleswap::daemon::version) < 0;
        if (i + 1 < argc && take(argv[i], argv[i + 1])) {
            ++i;
            continue;
        }
        std::fprintf(stderr, "roleswap-guard: \"%s\" is not understood\n%s", argv[i], help);
        return exit_usage;
    }
    if (setup.marks.daemon <= 0) {
        std::fputs(help, stderr);
        return exit_usage;
    }
    if (const char* what = open_all()) return fail(what);
    setup.page->protection = protect() | groups();
    if (Watch(setup).run()) remove_groups();
    return 0;
}
