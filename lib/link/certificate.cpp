#include "link/certificate.hpp"
#include "event/fd.hpp"
#include "link/pair_key.hpp"
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace roleswap::link {
namespace {

/// Where the child's standard streams go.
class FileActions {
public:
    FileActions() { ::posix_spawn_file_actions_init(&actions_); }
    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    posix_spawn_file_actions_t* get() { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

std::string read_all(int fd)
{
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

/// Runs `words` and returns what it prints on both streams.
std::string run(std::vector<std::string> words)
{
    std::array<int, 2> ends{};
    event::check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
    const event::UniqueFd read_end(ends[0]);
    event::UniqueFd write_end(ends[1]);
    FileActions actions;
    ::posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(actions.get(), write_end.get(), 1);
    ::posix_spawn_file_actions_adddup2(actions.get(), write_end.get(), 2);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, argv[0], actions.get(), nullptr, argv.data(), environ);
    if (error != 0)
        throw PairKeyError(fmt::format("cannot run {}: {}; install the package openssl", words[0],
                                       std::strerror(error)));
    write_end.reset();
    auto output = read_all(read_end.get());
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0)
        throw PairKeyError(fmt::format("{} {} failed: {}", words[0], words[1], output));
    return output;
}

/// The first PEM block with this label (RFC 7468), with its last newline.
std::string block_of(const std::string& text, const std::string& label)
{
    const auto begin = text.find("-----BEGIN " + label + "-----");
    const auto end_line = "-----END " + label + "-----\n";
    const auto end = text.find(end_line, begin == std::string::npos ? 0 : begin);
    if (begin == std::string::npos || end == std::string::npos)
        throw PairKeyError(fmt::format("openssl printed no block \"{}\"", label));
    return text.substr(begin, end + end_line.size() - begin);
}

} // namespace

Certificate make_certificate(const std::string& common_name)
{
    constexpr auto days = "10957"; // 30 years
    const auto output =
        run({"openssl", "req", "-config", "/dev/null", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/stdout", "-days", days,
             "-subj", "/CN=" + common_name, "-addext", "basicConstraints=critical,CA:TRUE"});
    return {block_of(output, "CERTIFICATE"), block_of(output, "PRIVATE KEY")};
}

} // namespace roleswap::link
