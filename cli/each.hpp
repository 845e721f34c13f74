#pragma once
#include "commands.hpp"
#include <cstddef>
#include <string>
#include <sys/types.h>
#include <vector>

/// The loop of `roleswap each`: what it reads, and what it starts.
namespace roleswap::cli {

/// Items in the order in which they were first given, each once.
struct Items {
    std::vector<std::string> list;
    std::size_t repeated = 0; ///< further lines of the same text
};
/// Lines of a file, or with `separator` NUL what that ends; "-" is standard input.  Empty ones are
/// left out.  Throws UsageError with the place of what is no item.
Items read_items(const std::string& path, char separator);

/// A command at work on one item.
class Worker {
public:
    /// {} in the words is replaced by the item, ROLESWAP_ITEM in the environment is set to it, and
    /// standard input is empty.  Throws std::system_error where it cannot be started.
    Worker(const std::vector<std::string>& command, const std::string& item);
    Worker(Worker&& other) noexcept;
    Worker& operator=(Worker&&) = delete;
    ~Worker();

    const std::string& item() const { return item_; }
    /// Readable when the command has ended.
    int descriptor() const { return descriptor_; }
    enum class End : std::uint8_t {
        done,
        failed,  ///< an exit code from 1 to 128: known not to be done
        unknown, ///< a signal, or the exit code by which a shell tells of one
    };
    /// After it has ended, once; `why` is "exit code 3", "signal 9".
    End reap(std::string& why);

private:
    std::string item_;
    pid_t pid_ = -1;
    int descriptor_ = -1;
};

} // namespace roleswap::cli
