#include "run/leftovers.hpp"
#include "event/fd.hpp"
#include <array>
#include <charconv>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <unistd.h>

namespace roleswap::run {
namespace {

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

/// proc(5), /proc/PID/environ: entries ended by a null byte; empty for a zombie.
std::string read_environment(pid_t pid)
{
    const auto path = "/proc/" + std::to_string(pid) + "/environ";
    const event::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(1, '\0');
    std::array<char, 8192> buffer{};
    for (ssize_t got = 0; file && (got = ::read(file.get(), buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    return text;
}

} // namespace

std::size_t kill_marked(const std::string& marker)
{
    const auto wanted = std::string(1, '\0') + marker;
    const std::unique_ptr<DIR, CloseFolder> proc(::opendir("/proc"));
    std::size_t found = 0;
    while (const dirent* entry = proc ? ::readdir(proc.get()) : nullptr) {
        const std::string_view name(entry->d_name);
        pid_t pid = 0;
        const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (parsed.ptr != name.data() + name.size() || pid == ::getpid()) continue;
        if (read_environment(pid).find(wanted) == std::string::npos) continue;
        if (::kill(pid, SIGKILL) == 0) ++found;
    }
    return found;
}

} // namespace roleswap::run
