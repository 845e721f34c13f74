#include "run/plan.hpp"
#include "run/packing.hpp"
#include "run/passing.hpp"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>

namespace roleswap::run {
namespace {

void set(std::vector<std::string>& environment, const std::string& entry)
{
    const auto name = std::string_view(entry).substr(0, entry.find('=') + 1);
    const auto same = [&](const std::string& old) { return old.starts_with(name); };
    const auto found = std::find_if(environment.begin(), environment.end(), same);
    if (found == environment.end())
        environment.push_back(entry);
    else
        *found = entry;
}

/// A memory file rather than a pipe: nothing has to be fed while the task runs, and a task that
/// does not read it disturbs nobody.
event::UniqueFd make_input(const std::string& text)
{
    if (text.empty())
        return event::UniqueFd(
            event::check(::open("/dev/null", O_RDONLY | O_CLOEXEC), "open /dev/null"));
    return memory_file("roleswap-stdin", text);
}

std::vector<std::string> make_candidates(const std::string& program, std::string_view path)
{
    if (program.find('/') != std::string::npos) return {program};
    std::vector<std::string> candidates;
    for (;;) {
        const auto colon = path.find(':');
        const auto folder = path.substr(0, colon);
        candidates.push_back(fmt::format("{}/{}", folder.empty() ? "." : folder, program));
        if (colon == std::string_view::npos) return candidates;
        path.remove_prefix(colon + 1);
    }
}

std::vector<char*> pointers(std::vector<std::string>& texts)
{
    std::vector<char*> result;
    for (auto& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

/// execve(2), "Limits on size of arguments and environment".
constexpr std::size_t argument_bytes_max = std::size_t{32} * 4096; ///< with the null byte
constexpr std::size_t stack_share_max = std::size_t{6} * 1024 * 1024;

std::size_t arguments_bytes_max()
{
    const auto limit = ::sysconf(_SC_ARG_MAX); // a quarter of the stack limit
    return limit < 0 ? stack_share_max : std::min(stack_share_max, static_cast<std::size_t>(limit));
}

/// Before there is a process: "Argument list too long" would tell neither what nor how much.
void check_size(const std::vector<std::string>& argv, const std::vector<std::string>& environment)
{
    constexpr auto remedy = "keep large data in a file, and name that";
    std::size_t bytes = 0;
    for (const auto* texts : {&argv, &environment})
        for (const auto& text : *texts) {
            bytes += text.size() + 1 + sizeof(char*);
            if (text.size() < argument_bytes_max) continue;
            const auto what = texts == &argv ? "an argument" : text.substr(0, text.find('='));
            throw std::runtime_error(fmt::format("{} has {} bytes; the kernel takes up to {}: {}",
                                                 what, text.size(), argument_bytes_max - 1,
                                                 remedy));
        }
    if (const auto most = arguments_bytes_max(); bytes > most)
        throw std::runtime_error(fmt::format("arguments and environment have {} bytes; this node "
                                             "takes up to {} (a quarter of ulimit -s): {}",
                                             bytes, most, remedy));
}

std::string shell_of(const RunSpec& spec, const std::vector<std::string>& environment)
{
    auto shell = spec.shell.empty() ? value_of(environment, "SHELL") : spec.shell;
    return shell.empty() ? "/bin/sh" : shell;
}

} // namespace

std::string value_of(const std::vector<std::string>& environment, std::string_view name)
{
    for (const auto& entry : environment) {
        const auto equals = entry.find('=');
        if (std::string_view(entry).substr(0, equals) == name) return entry.substr(equals + 1);
    }
    return {};
}

std::vector<std::string> task_environment(const RunSpec& spec, const Account& account,
                                          const std::string& marker)
{
    std::vector<std::string> environment{"HOME=" + account.home, "LOGNAME=" + account.name,
                                         "USER=" + account.name, "SHELL=/bin/sh",
                                         "PATH=/usr/bin:/bin"};
    for (const auto& entry : spec.environment)
        if (entry.find('=') != std::string::npos) set(environment, entry);
    if (!marker.empty()) set(environment, marker);
    return environment;
}

Program program_of(const RunSpec& spec, const Account& account)
{
    const auto environment = task_environment(spec, account, "");
    Program program{spec.argv.empty() ? shell_of(spec, environment) : spec.argv.front(), {}};
    program.candidates = make_candidates(program.name, value_of(environment, "PATH"));
    return program;
}

Plan::Plan(const RunSpec& spec, Account runs_as, const std::string& marker)
    : account(std::move(runs_as)), directory(spec.directory), umask(spec.umask.value_or(022)),
      limits(spec.limits), input(make_input(spec.stdin_text))
{
    environment_ = task_environment(spec, account, marker);
    if (spec.argv.empty())
        argv_ = {shell_of(spec, environment_), "-c", spec.command};
    else
        argv_ = spec.argv;
    candidates_ = make_candidates(argv_.front(), value_of(environment_, "PATH"));
    check_size(argv_, environment_);
    make_pointers();
}

void Plan::make_pointers()
{
    argv_pointers = pointers(argv_);
    environment_pointers = pointers(environment_);
    candidate_pointers = pointers(candidates_);
}

std::string Plan::packed() const
{
    Packer packer;
    packer.add(directory);
    packer.add(account.home);
    packer.add(umask);
    packer.add(account.change ? 1 : 0);
    packer.add(account.uid);
    packer.add(account.gid);
    packer.add(account.groups.size());
    for (const auto group : account.groups) packer.add(group);
    packer.add(limits.size());
    for (const auto& limit : limits) {
        packer.add(static_cast<std::uint64_t>(limit.resource));
        packer.add(limit.value);
    }
    for (const auto* list : {&argv_, &environment_, &candidates_}) packer.add(*list);
    return packer.take();
}

Plan::Plan(std::string_view packed)
{
    Unpacker unpacker(packed);
    directory = unpacker.text();
    account.home = unpacker.text();
    umask = static_cast<mode_t>(unpacker.number());
    account.change = unpacker.number() != 0;
    account.uid = static_cast<uid_t>(unpacker.number());
    account.gid = static_cast<gid_t>(unpacker.number());
    for (auto left = unpacker.number(); left > 0; --left)
        account.groups.push_back(static_cast<gid_t>(unpacker.number()));
    for (auto left = unpacker.number(); left > 0; --left) {
        const auto resource = static_cast<int>(unpacker.number());
        limits.push_back({resource, unpacker.number()});
    }
    argv_ = unpacker.list();
    environment_ = unpacker.list();
    candidates_ = unpacker.list();
    make_pointers();
}

namespace {

/// With what to do about it, where that is known.
std::string explain_execute(int error, const std::string& what)
{
    const auto told = fmt::format("{}: {}", what, std::strerror(error));
    switch (error) {
    case ENOENT: // of a script, too, whose first line names a program that is missing
    case ENOTDIR:
        return told + "; install it, or give the task another one on this node";
    case EACCES:
        return told + "; make it executable for the user of the task";
    case ENOEXEC:
        return told + "; a script begins with #! and its program";
    default:
        return told;
    }
}

} // namespace

std::string explain(const Report& report, const RunSpec& spec)
{
    const std::string why = std::strerror(report.error);
    switch (report.stage) {
    case Stage::stdio:
        return "set up standard input and output: " + why;
    case Stage::session:
        return "start a session: " + why;
    case Stage::limits:
        return "set its limits (rlimit): " + why;
    case Stage::group:
        return fmt::format("set the groups of user \"{}\": {}", spec.user, why);
    case Stage::user:
        return fmt::format("become user \"{}\": {}", spec.user, why);
    case Stage::directory:
        return fmt::format("directory {}: {}; make it, or give the task another one on this node",
                           spec.directory, why);
    case Stage::keeper:
        return "start the task's process: " + why;
    case Stage::execute:
        break;
    }
    return explain_execute(report.error, spec.argv.empty()
                                             ? "shell " + shell_of(spec, spec.environment)
                                             : "command " + spec.argv.front());
}

int exit_code_of(const Report& report)
{
    return report.stage == Stage::execute && report.error == ENOENT ? 127 : 126;
}

} // namespace roleswap::run
