#pragma once
#include "bus/client.hpp"
#include "bus/server.hpp"
#include <filesystem>
#include <functional>
#include <string>
#include <sys/types.h>

namespace roleswap::test {

/// A folder of its own that everybody may enter; removed at the end.
class Folder {
public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();
    std::string path(const std::string& name) const { return (root_ / name).string(); }

private:
    std::filesystem::path root_;
};

/// A process that runs `body`; its exit code is what `body` returns, 99 when it threw.
class ChildProcess {
public:
    explicit ChildProcess(const std::function<int()>& body);
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess();
    int wait();
    void kill();
    pid_t pid() const { return pid_; }

private:
    pid_t pid_ = -1;
};

/// Runs `body` in a child as that user, with its own group and no others; returns its exit code.
int as_user(uid_t uid, gid_t gid, const std::function<int()>& body);

/// A server in a process of its own, with verbs bent to the needs of the tests:
/// status echoes arguments and caller; activate throws Error{refused}, or with {"throw":true} a
/// plain exception; takeover_hold is answered by the next takeover_release; rejoin is never
/// answered and its responder dropped at once; check sends {"events":N} Event signals and answers
/// with the number of connections; links marks {"changes":N} changes; hand_over ends the process;
/// task_export answers with {"bytes":N} letters.
class ServerProcess {
public:
    explicit ServerProcess(const std::string& path, bus::Limits limits = {},
                           std::string group = "no-such-group");
    pid_t pid() const { return child_.pid(); }
    void kill() { child_.kill(); }

private:
    struct Pipe {
        int read_end = -1;
        int write_end = -1;
        Pipe();
        Pipe(const Pipe&) = delete;
        Pipe& operator=(const Pipe&) = delete;
        ~Pipe();
    };
    Pipe ready_; ///< one byte comes when the server listens
    ChildProcess child_;
};

/// The code of the error that the call ends with; fails the test when there is none.
bus::ErrorCode error_of(const std::function<void()>& body);

} // namespace roleswap::test
