#include "event/fd.hpp"
#include "link/pair_key.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roleswap::link {
namespace {

constexpr std::size_t file_bytes_max = 64 * 1024;

[[noreturn]] void fail(const std::string& path, const char* doing)
{
    throw PairKeyError(fmt::format("{}: {}: {}", path, doing, std::strerror(errno)));
}

void check_owner_and_mode(const std::string& path, const struct stat& info)
{
    if (!S_ISREG(info.st_mode)) throw PairKeyError(path + ": is not a file");
    if (info.st_uid != 0 && info.st_uid != ::geteuid())
        throw PairKeyError(fmt::format("{}: belongs to user {}; it must belong to root or to user "
                                       "{}: chown it",
                                       path, info.st_uid, ::geteuid()));
    if ((info.st_mode & 0077) != 0)
        throw PairKeyError(fmt::format("{}: has mode {:04o}, others may use it; it must be 0600: "
                                       "chmod 600 {}",
                                       path, info.st_mode & 07777, path));
}

void write_all(const std::string& path, int fd, std::string_view text)
{
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail(path, "write");
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void sync_folder_of(const std::string& path)
{
    const auto folder = std::filesystem::absolute(path).parent_path();
    const event::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) fail(folder, "sync");
}

} // namespace

PairKey read_pair_key(const std::string& path)
{
    const event::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) fail(path, "open");
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) fail(path, "stat");
    check_owner_and_mode(path, info);
    std::string text(file_bytes_max + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const auto got = ::read(fd.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail(path, "read");
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size > file_bytes_max)
        throw PairKeyError(fmt::format("{}: is longer than {} bytes", path, file_bytes_max));
    return parse_pair_key(std::string_view(text).substr(0, size), path);
}

/// Made complete under another name, then linked: a crash leaves no half key, and link(2) never
/// replaces a file.
void write_pair_key(const std::string& path, const PairKey& key)
{
    const auto draft = path + ".new";
    ::unlink(draft.c_str());
    const event::UniqueFd fd(
        ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) fail(draft, "create");
    write_all(draft, fd.get(), to_text(key));
    if (::fsync(fd.get()) != 0) fail(draft, "sync");
    const int linked = ::link(draft.c_str(), path.c_str());
    const int why = errno;
    ::unlink(draft.c_str());
    errno = why;
    if (linked != 0) fail(path, "create");
    sync_folder_of(path);
}

} // namespace roleswap::link
