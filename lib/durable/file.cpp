#include "durable/file.hpp"
#include "event/fd.hpp"
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <stdexcept>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace roleswap::durable {
namespace {

using event::check;
using event::UniqueFd;

constexpr off_t reserve_bytes = 4096;
constexpr std::size_t file_bytes_max = 16 * 1024 * 1024;

std::string folder_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

void write_all(int fd, std::string_view text, const std::string& path)
{
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        check(static_cast<int>(written), "write " + path);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void sync_folder(const std::string& path)
{
    const auto folder = folder_of(path);
    const UniqueFd fd(
        check(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open folder " + folder));
    check(::fsync(fd.get()), "sync folder " + folder);
}

struct OpenHow {
    mode_t mode;
    int flags;
};

void write_and_rename(const std::string& path, std::string_view text, OpenHow how)
{
    const std::string temporary = path + ".new";
    {
        const UniqueFd fd(
            check(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how.flags, how.mode),
                  "create " + temporary));
        check(::fchmod(fd.get(), how.mode), "set mode of " + temporary);
        write_all(fd.get(), text, temporary);
        check(::ftruncate(fd.get(), static_cast<off_t>(text.size())), "cut " + temporary);
        check(::fsync(fd.get()), "sync " + temporary);
    }
    check(std::rename(temporary.c_str(), path.c_str()), "rename to " + path);
    sync_folder(path);
}

} // namespace

void replace(const std::string& path, std::string_view text, mode_t mode)
{
    write_and_rename(path, text, {mode, O_TRUNC});
}

void replace_in_reserve(const std::string& path, std::string_view text, mode_t mode)
{
    // Not truncated: the page that the last call reserved takes the text without new room.
    write_and_rename(path, text, {mode, 0});
    const std::string spare = path + ".new";
    const UniqueFd fd(::open(spare.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode));
    // Without room the next call has to find some by itself.
    if (fd) static_cast<void>(::posix_fallocate(fd.get(), 0, reserve_bytes));
}

std::optional<std::string> read(const std::string& path)
{
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd && errno == ENOENT) return std::nullopt;
    check(fd.get(), "open " + path);
    std::string text;
    std::array<char, 16384> buffer{};
    for (;;) {
        const auto got = ::read(fd.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        check(static_cast<int>(got), "read " + path);
        if (got == 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > file_bytes_max) throw std::runtime_error(path + ": larger than 16 MiB");
    }
}

void make_folders(const std::string& path, mode_t mode)
{
    if (path.empty() || path == "/") return;
    int made = ::mkdir(path.c_str(), mode);
    if (made != 0 && errno == ENOENT) {
        make_folders(folder_of(path), mode);
        made = ::mkdir(path.c_str(), mode);
    }
    if (made != 0 && errno == EEXIST) return;
    check(made, "make folder " + path);
    check(::chmod(path.c_str(), mode), "open folder " + path); // whatever the umask took
}

} // namespace roleswap::durable
