#include "process.hpp"
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <grp.h>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace roleswap::test {
namespace {

using nlohmann::json;

class Handler {
public:
    Handler(event::Loop& loop, const bus::Server::Options& options)
        : server_(
              loop, options,
              [this](const auto& verb, const auto& args, const auto& caller,
                     bus::Responder responder) {
                  on_call(verb, args, caller, std::move(responder));
              },
              [] {
                  return bus::Properties{"standby", 7, "left", "0.1.0"};
              })
    {
    }

private:
    void on_call(const bus::Verb& verb, const json& args, const bus::Caller& caller,
                 bus::Responder responder)
    {
        if (verb.name == "task_export")
            responder.done({{"toml", std::string(args.value("bytes", std::size_t{0}), 'x')}});
        else if (verb.name == "status")
            responder.done({{"args", args},
                            {"uid", caller.uid},
                            {"user", caller.user},
                            {"may_act", caller.may_act},
                            {"pid", caller.pid}});
        else if (verb.name == "activate" && args.contains("throw"))
            throw std::runtime_error("the disk is full");
        else if (verb.name == "activate")
            throw bus::Error(bus::ErrorCode::refused, "The master is alive.");
        else if (verb.name == "hand_over")
            _exit(0);
        else if (verb.name != "rejoin")
            special(verb, args, std::move(responder));
    }

    void special(const bus::Verb& verb, const json& args, bus::Responder responder)
    {
        if (verb.name == "takeover_hold") {
            last_ = waiting_.add(std::move(responder));
            return server_.event({{"what", "waiting"}});
        }
        if (verb.name == "takeover_release") {
            waiting_.done(last_, {{"late", true}});
            waiting_.done(last_, {{"late", "twice"}});
        }
        for (int count = args.value("events", 0); count > 0; --count)
            server_.event({{"what", std::string(500, 'x')}, {"left", count}});
        for (int count = args.value("changes", 0); count > 0; --count) server_.changed();
        responder.done({{"connections", server_.connections()}});
    }

    bus::Waiting waiting_;
    bus::Waiting::Ticket last_ = 0;
    bus::Server server_;
};

int serve(const bus::Server::Options& options, int ready)
{
    event::Loop loop;
    const Handler handler(loop, options);
    if (write(ready, "r", 1) != 1) return 1;
    return loop.run();
}

} // namespace

Folder::Folder()
{
    std::string pattern = (std::filesystem::temp_directory_path() / "bus-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp");
    root_ = pattern;
    chmod(pattern.c_str(), 0755);
}

Folder::~Folder()
{
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
}

ChildProcess::ChildProcess(const std::function<int()>& body) : pid_(fork())
{
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int code = 99;
    try {
        code = body();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "child: %s\n", error.what());
    }
    _exit(code);
}

ChildProcess::~ChildProcess()
{
    kill();
}

int ChildProcess::wait()
{
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void ChildProcess::kill()
{
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
}

int as_user(uid_t uid, gid_t gid, const std::function<int()>& body)
{
    ChildProcess child([&] {
        if (setgroups(0, nullptr) < 0 || setgid(gid) < 0 || setuid(uid) < 0) return 98;
        return body();
    });
    return child.wait();
}

ServerProcess::ServerProcess(const std::string& path, bus::Limits limits, std::string group)
    : child_([this, options = bus::Server::Options{path, std::move(group), limits}] {
          return serve(options, ready_.write_end);
      })
{
    char letter = 0;
    close(std::exchange(ready_.write_end, -1));
    if (read(ready_.read_end, &letter, 1) != 1) throw std::runtime_error("no server");
}

ServerProcess::Pipe::Pipe()
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) throw std::runtime_error("pipe");
    read_end = ends[0];
    write_end = ends[1];
}

ServerProcess::Pipe::~Pipe()
{
    close(read_end);
    if (write_end >= 0) close(write_end);
}

bus::ErrorCode error_of(const std::function<void()>& body)
{
    try {
        body();
    } catch (const bus::Error& error) {
        return error.code();
    }
    throw std::runtime_error("no error came");
}

} // namespace roleswap::test
