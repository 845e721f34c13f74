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

/// Throws std::system_error with errno and what was tried when `result` is negative.
int check(int result, std::string_view what);

} // namespace roleswap::event
