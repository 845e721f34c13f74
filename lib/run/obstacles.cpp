#include "run/obstacles.hpp"
#include "run/plan.hpp"
#include "run/units.hpp"
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roleswap::run {
namespace {

/// errno of stat(2); 0: it is there.
int missing(const std::string& path)
{
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? 0 : errno;
}

bool is_directory(const std::string& path)
{
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// Whether somebody may execute it; who the task runs as is asked at the start.
bool is_program(const std::string& path)
{
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 0111) != 0;
}

constexpr const char* mend_need = "connect or make it, or give the task another one on this node";

void add_directory(const RunSpec& spec, std::vector<Obstacle>& found)
{
    if (spec.directory.empty() || is_directory(spec.directory)) return;
    const int error = missing(spec.directory);
    found.push_back({"directory " + spec.directory, std::strerror(error == 0 ? ENOTDIR : error),
                     "make it, or give the task another directory on this node"});
}

void add_program(const RunSpec& spec, const Account& account, std::vector<Obstacle>& found)
{
    const auto plan = program_of(spec, account);
    for (const auto& path : plan.candidates)
        if (is_program(path)) return;
    found.push_back({fmt::format("program {}", plan.name), "not found, or not executable",
                     "install it, or give the task another command on this node"});
}

} // namespace

std::string missing_need(const RunSpec& spec)
{
    for (const auto& path : spec.needs)
        if (const int error = missing(path); error != 0)
            return fmt::format("needs {}: {}; {}", path, std::strerror(error), mend_need);
    return {};
}

std::vector<Obstacle> unit_obstacles(const RunSpec& spec)
{
    if (!spec.unit) return {};
    const auto place = find_unit_place("check");
    if (!place.why.empty()) return {{"transient unit", place.why, place.fix}};
    std::vector<Obstacle> found;
    for (const auto& limit : missing_limits(*spec.unit))
        found.push_back({limit.field,
                         fmt::format("this machine has no cgroup controller \"{}\", so nothing "
                                     "would enforce it",
                                     limit.controller),
                         "boot it with that controller in cgroup v2, or take the limit from the "
                         "task (rlimit works everywhere)"});
    return found;
}

namespace {

/// The sentence of the error names the account, which is told first.
Obstacle obstacle_of(const AccountError& error, const RunSpec& spec)
{
    const std::string_view told = error.what();
    for (const auto& what :
         {fmt::format("user \"{}\"", spec.user), fmt::format("group \"{}\"", spec.group)})
        if (told.starts_with(what + " "))
            return {what, std::string(told.substr(what.size() + 1)), error.fix};
    return {"account", std::string(told), error.fix};
}

} // namespace

std::vector<Obstacle> obstacles(const RunSpec& spec)
{
    std::vector<Obstacle> found;
    Account account;
    try {
        account = find_account(spec.user, spec.group, spec.groups);
    } catch (const AccountError& error) {
        found.push_back(obstacle_of(error, spec));
    }
    add_directory(spec, found);
    add_program(spec, account, found);
    for (auto& one : unit_obstacles(spec)) found.push_back(std::move(one));
    for (const auto& path : spec.needs)
        if (const int error = missing(path); error != 0)
            found.push_back({"needs " + path, std::strerror(error), mend_need});
    return found;
}

} // namespace roleswap::run
