#pragma once
#include <string_view>
#include <utility>

namespace roleswap::event {

/// Owns one file descriptor; -1 is empty.
class UniqueFd {
public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& from) noexcept;
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset() noexcept;

private:
    int fd_ = -1;
};

/// Makes room for descriptors up to `count`, or up to the soft limit.  The kernel makes it in steps
/// that double and never takes it back; in a process with threads the thread that opens one too
/// many sleeps until all processors have seen the larger table (fs/file.c, expand_fdtable), which
/// are some 10 ms.  Costs 8 bytes each.  Without memory for it nothing is reserved.
void reserve_descriptors(int count) noexcept;

/// Throws std::system_error with errno and what was tried when `result` is negative.
int check(int result, std::string_view what);

} // namespace roleswap::event
