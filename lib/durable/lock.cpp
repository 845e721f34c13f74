#include "durable/lock.hpp"
#include "durable/file.hpp"
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdexcept>
#include <unistd.h>

namespace roleswap::durable {
namespace {

/// The whole file.
struct flock whole(short type)
{
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return lock;
}

/// 0 where it has gone meanwhile.
pid_t holder(int file)
{
    auto lock = whole(F_WRLCK);
    event::check(::fcntl(file, F_GETLK, &lock), "ask for the lock of the data folder");
    return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

} // namespace

FolderLock::FolderLock(const std::string& folder)
{
    make_folders(folder, 0755);
    const auto path = folder + "/lock";
    file_ = event::UniqueFd(event::check(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), "open " + path));
    for (;;) {
        auto lock = whole(F_WRLCK);
        if (::fcntl(file_.get(), F_SETLK, &lock) == 0) return;
        if (errno != EAGAIN && errno != EACCES) event::check(-1, "lock " + path);
        const auto pid = holder(file_.get());
        if (pid == 0) continue;
        throw std::runtime_error(fmt::format(
            "another roleswapd, process {}, has the data folder {}: stop it first, or give this "
            "one a data_dir of its own",
            pid, folder));
    }
}

} // namespace roleswap::durable
