#include "processes.hpp"
#include "text.hpp"
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace roleswap::guard {
namespace {

/// Room for one pass over the tree; a larger one takes more passes.
constexpr std::size_t pids_max = 4096;
pid_t tree[pids_max];
std::size_t tree_size = 0;

char chunk[64 * 1024];

/// As getdents64(2) fills it in.
struct Entry {
    ino64_t inode;
    off64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
};

/// Calls `act` with every process id of the machine and sums what it returns.
template <class Act> unsigned for_each_process(const Act& act) noexcept
{
    alignas(Entry) static char entries[32 * 1024];
    const int folder = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    unsigned sum = 0;
    long got = 0;
    while ((got = ::syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0) {
        for (long at = 0; at < got;) {
            const auto* entry = reinterpret_cast<const Entry*>(entries + at);
            at += entry->length;
            const auto pid = static_cast<pid_t>(number_at(entry->name));
            if (pid > 0 && pid != ::getpid()) sum += act(pid);
        }
    }
    if (folder >= 0) ::close(folder);
    return sum;
}

/// proc(5), /proc/PID/stat: "PID (NAME) STATE ...".
struct Stat {
    char name[32] = {};
    char state = 'X';
    bool alive() const noexcept { return state != 'Z' && state != 'X'; }
};

Stat read_stat(pid_t pid) noexcept
{
    char text[512] = {};
    Stat stat;
    const auto got =
        read_start(Path().add("/proc/").add(pid).add("/stat").c_str(), text, sizeof text - 1);
    if (got <= 0) return stat;
    const char* open = std::strchr(text, '(');
    const char* close = std::strrchr(text, ')');
    if (open == nullptr || close == nullptr || close[1] == '\0') return stat;
    const auto length = static_cast<std::size_t>(close - open - 1);
    if (length < sizeof stat.name) std::memcpy(stat.name, open + 1, length);
    stat.state = close[2];
    return stat;
}

/// Whether an entry of its environment begins with the word: at the start of /proc/PID/environ or
/// after a null byte.
bool has_marker(pid_t pid, const char* word) noexcept
{
    const auto length = std::strlen(word);
    const int file =
        ::open(Path().add("/proc/").add(pid).add("/environ").c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    chunk[0] = '\0';
    std::size_t kept = 1;
    bool found = false;
    ssize_t got = 0;
    while (!found && (got = ::read(file, chunk + kept, sizeof chunk - kept)) > 0) {
        const auto size = kept + static_cast<std::size_t>(got);
        const char* at = chunk;
        while ((at = find(at, static_cast<std::size_t>(chunk + size - at), word, length)) &&
               (at == chunk || at[-1] != '\0'))
            ++at;
        found = at != nullptr;
        kept = size < length + 1 ? size : length + 1; // it may be cut in two
        std::memmove(chunk, chunk + size - kept, kept);
    }
    ::close(file);
    return found;
}

void add_children(pid_t parent) noexcept
{
    Path path;
    path.add("/proc/").add(parent).add("/task/").add(parent).add("/children");
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    pid_t number = 0;
    for (ssize_t got = 0; (got = ::read(file, chunk, sizeof chunk)) > 0;) {
        for (ssize_t i = 0; i < got; ++i) {
            if (chunk[i] >= '0' && chunk[i] <= '9') {
                number = number * 10 + (chunk[i] - '0');
            } else if (number != 0) {
                if (tree_size < pids_max) tree[tree_size++] = number;
                number = 0;
            }
        }
    }
    ::close(file);
}

/// A keeper (lib/run/keeper.cpp) ends its tree at SIGTERM; its tree is killed here all the same,
/// in case it is stopped.
unsigned kill_keepers(pid_t daemon) noexcept
{
    tree_size = 0;
    add_children(daemon);
    std::size_t keepers = 0;
    for (std::size_t i = 0; i < tree_size; ++i) {
        const auto stat = read_stat(tree[i]);
        if (stat.alive() && std::strcmp(stat.name, "roleswap-keeper") == 0)
            tree[keepers++] = tree[i];
    }
    tree_size = keepers;
    for (std::size_t i = 0; i < keepers; ++i) {
        ::kill(tree[i], SIGTERM);
        ::kill(tree[i], SIGCONT);
    }
    for (std::size_t i = 0; i < tree_size; ++i) add_children(tree[i]);
    for (std::size_t i = keepers; i < tree_size; ++i) ::kill(tree[i], SIGKILL);
    return static_cast<unsigned>(keepers);
}

bool lives_in(pid_t pid, const char* folder) noexcept
{
    char place[512] = {};
    const auto got =
        ::readlink(Path().add("/proc/").add(pid).add("/cwd").c_str(), place, sizeof place - 1);
    return got > 0 && std::strcmp(place, folder) == 0;
}

} // namespace

unsigned kill_task_trees(const Marks& marks) noexcept
{
    auto alive = kill_keepers(marks.daemon);
    if (marks.marker == nullptr) return alive;
    return alive + for_each_process([&marks](pid_t pid) {
               return has_marker(pid, marks.marker) && ::kill(pid, SIGKILL) == 0 ? 1U : 0U;
           });
}

unsigned kill_cluster(const Marks& marks) noexcept
{
    if (marks.cluster == nullptr) return 0;
    return for_each_process([&marks](pid_t pid) {
        if (!lives_in(pid, marks.cluster)) return 0U;
        const auto stat = read_stat(pid);
        const bool ours =
            std::strcmp(stat.name, "postgres") == 0 || std::strcmp(stat.name, "pg_rewind") == 0;
        return ours && stat.alive() && ::kill(pid, SIGKILL) == 0 ? 1U : 0U;
    });
}

} // namespace roleswap::guard
