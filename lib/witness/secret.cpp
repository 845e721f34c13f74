#include "witness/secret.hpp"
#include "event/fd.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

namespace roleswap::witness {
namespace {

constexpr std::size_t file_bytes_max = 256 * 1024;

[[noreturn]] void fail(const std::string& path, const std::string& why)
{
    throw std::runtime_error(fmt::format("{}: {}", path, why));
}

void check_owner(const std::string& path, const struct stat& info)
{
    if (info.st_uid != 0 && info.st_uid != ::geteuid())
        fail(path, fmt::format("belongs to user {}; it must belong to root or to user {}: chown it",
                               info.st_uid, ::geteuid()));
    if ((info.st_mode & 0077) != 0)
        fail(path, fmt::format("has mode {:04o}, others may use it; it must be 0600: chmod 600 {}",
                               info.st_mode & 07777, path));
}

} // namespace

std::string read_file(const std::string& path, Readers readers)
{
    const event::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) fail(path, fmt::format("open: {}", std::strerror(errno)));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) fail(path, fmt::format("stat: {}", std::strerror(errno)));
    if (!S_ISREG(info.st_mode)) fail(path, "is not a file");
    if (readers == Readers::owner) check_owner(path, info);
    std::string text(file_bytes_max + 1, '\0');
    std::size_t length = 0;
    while (length < text.size()) {
        const auto got = ::read(fd.get(), text.data() + length, text.size() - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail(path, fmt::format("read: {}", std::strerror(errno)));
        if (got == 0) break;
        length += static_cast<std::size_t>(got);
    }
    if (length > file_bytes_max) fail(path, fmt::format("is longer than {} bytes", file_bytes_max));
    text.resize(length);
    return text;
}

std::string read_password(const std::string& path)
{
    auto text = read_file(path, Readers::owner);
    text.erase(text.find_last_not_of(" \t\r\n") + 1);
    if (text.empty()) fail(path, "is empty; it must hold the password");
    return text;
}

} // namespace roleswap::witness
