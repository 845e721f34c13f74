#pragma once
#include "bus/error.hpp"
#include "context.hpp"
#include <algorithm>
#include <chrono>
#include <string>

namespace roleswap::cli {

/// Counts down to the end of a wait.
class Deadline {
public:
    /// Throws UsageError naming the option.
    Deadline(const char* option, const std::string& text)
        : until_(std::chrono::steady_clock::now() + duration_option(option, text))
    {
    }
    milliseconds left() const
    {
        const auto left = until_ - std::chrono::steady_clock::now();
        return std::max(std::chrono::ceil<milliseconds>(left), milliseconds(0));
    }
    bool over() const { return left().count() == 0; }

private:
    std::chrono::steady_clock::time_point until_;
};

/// An answer that another may follow soon: the daemon is just started, the role is just moving.
inline bool passing(const bus::Error& error)
{
    return error.code() == bus::ErrorCode::unreachable ||
           error.code() == bus::ErrorCode::not_master;
}

} // namespace roleswap::cli
