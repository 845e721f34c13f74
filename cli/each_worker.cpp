#include "each.hpp"
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

extern char** environ;

namespace roleswap::cli {
namespace {

constexpr int shell_signal_base = 128; ///< sh(1): 128 + N tells of signal N

std::string with_item(std::string word, const std::string& item)
{
    for (auto at = word.find("{}"); at != std::string::npos; at = word.find("{}", at + item.size()))
        word.replace(at, 2, item);
    return word;
}

std::vector<std::string> environment_of(const std::string& item)
{
    std::vector<std::string> all{"ROLESWAP_ITEM=" + item};
    for (char** variable = environ; *variable != nullptr; ++variable)
        if (!std::string_view(*variable).starts_with("ROLESWAP_ITEM=")) all.emplace_back(*variable);
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts)
{
    std::vector<char*> all;
    for (auto& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

/// posix_spawn_file_actions_t that gives an empty standard input.
struct EmptyInput {
    posix_spawn_file_actions_t actions{};
    EmptyInput()
    {
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    EmptyInput(const EmptyInput&) = delete;
    EmptyInput& operator=(const EmptyInput&) = delete;
    ~EmptyInput() { posix_spawn_file_actions_destroy(&actions); }
};

} // namespace

Worker::Worker(const std::vector<std::string>& command, const std::string& item) : item_(item)
{
    std::vector<std::string> words;
    for (const auto& word : command) words.push_back(with_item(word, item));
    auto variables = environment_of(item);
    const EmptyInput input;
    const int failed = posix_spawnp(&pid_, words.at(0).c_str(), &input.actions, nullptr,
                                    pointers(words).data(), pointers(variables).data());
    if (failed != 0) throw std::system_error(failed, std::generic_category(), words.at(0));
    // Not reaped yet, so the number is still its own.
    descriptor_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "pidfd_open");
}

Worker::Worker(Worker&& other) noexcept
    : item_(std::move(other.item_)), pid_(std::exchange(other.pid_, -1)),
      descriptor_(std::exchange(other.descriptor_, -1))
{
}

Worker::~Worker()
{
    if (descriptor_ >= 0) ::close(descriptor_);
}

Worker::End Worker::reap(std::string& why)
{
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) < 0)
        throw std::system_error(errno, std::generic_category(), "waitid");
    const bool exited = info.si_code == CLD_EXITED;
    why = fmt::format("{} {}", exited ? "exit code" : "signal", info.si_status);
    if (exited && info.si_status == 0) return End::done;
    return exited && info.si_status <= shell_signal_base ? End::failed : End::unknown;
}

} // namespace roleswap::cli
