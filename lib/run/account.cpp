#include "run/account.hpp"
#include <cerrno>
#include <fmt/format.h>
#include <functional>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace roleswap::run {
namespace {

constexpr const char* make_user = "make the account, or give the task another user on this node";
constexpr const char* run_as_root = "run roleswapd as root, or leave user and group out";
constexpr std::size_t entry_bytes_max = 1U << 20U; ///< a group with many members

/// Calls one of the getpw*_r/getgr*_r functions with a buffer that grows until it is enough.
template <typename Entry>
bool look_up(Entry& entry, std::vector<char>& buffer,
             const std::function<int(Entry*, char*, std::size_t, Entry**)>& ask)
{
    for (std::size_t size = 4096; size <= entry_bytes_max; size *= 4) {
        buffer.resize(size);
        Entry* found = nullptr;
        const int error = ask(&entry, buffer.data(), buffer.size(), &found);
        if (error != ERANGE) return found != nullptr;
    }
    return false;
}

void fill_user(Account& account, const std::string& user)
{
    passwd entry{};
    std::vector<char> buffer;
    const uid_t self = ::geteuid();
    const bool found = look_up<passwd>(entry, buffer, [&](auto* e, auto* b, auto n, auto** f) {
        return user.empty() ? ::getpwuid_r(self, e, b, n, f)
                            : ::getpwnam_r(user.c_str(), e, b, n, f);
    });
    if (!found && !user.empty())
        throw AccountError(fmt::format("user \"{}\" does not exist on this node", user), make_user);
    account.uid = found ? entry.pw_uid : self;
    account.gid = found ? entry.pw_gid : ::getegid();
    account.name = found ? entry.pw_name : std::to_string(self);
    account.home = found ? entry.pw_dir : "/";
}

gid_t find_group(const std::string& name)
{
    group entry{};
    std::vector<char> buffer;
    const bool found = look_up<group>(entry, buffer, [&](auto* e, auto* b, auto n, auto** f) {
        return ::getgrnam_r(name.c_str(), e, b, n, f);
    });
    if (!found)
        throw AccountError(fmt::format("group \"{}\" does not exist on this node", name),
                           "make the group, or give the task another one on this node");
    return entry.gr_gid;
}

void fill_groups(Account& account)
{
    int count = 32;
    for (;;) {
        account.groups.resize(static_cast<std::size_t>(count));
        const int room = count;
        if (::getgrouplist(account.name.c_str(), account.gid, account.groups.data(), &count) >= 0)
            break;
        if (count <= room) count = room * 2;
    }
    account.groups.resize(static_cast<std::size_t>(count));
}

} // namespace

Account find_account(const std::string& user, const std::string& group,
                     const std::vector<std::string>& groups)
{
    Account account;
    account.change = ::geteuid() == 0;
    fill_user(account, user);
    if (!account.change && account.uid != ::geteuid())
        throw AccountError(
            fmt::format("user \"{}\" needs the daemon to run as root; it runs as uid {}", user,
                        ::geteuid()),
            run_as_root);
    if (!group.empty()) account.gid = find_group(group);
    if (!account.change && account.gid != ::getegid())
        throw AccountError(
            fmt::format("group {} needs the daemon to run as root; it runs as gid {}",
                        group.empty() ? std::to_string(account.gid) : '"' + group + '"',
                        ::getegid()),
            run_as_root);
    if (account.change)
        fill_groups(account);
    else if (!groups.empty())
        throw AccountError(
            fmt::format("further groups need the daemon to run as root; it runs as uid {}",
                        ::geteuid()),
            run_as_root);
    for (const auto& further : groups) account.groups.push_back(find_group(further));
    return account;
}

const Account& Accounts::find(const std::string& user, const std::string& group,
                              const std::vector<std::string>& groups)
{
    constexpr auto kept = std::chrono::seconds(1);
    const auto time = event::Loop::now();
    auto found = entries_.find({user, group, groups});
    if (found != entries_.end() && time - found->second.found_at < kept)
        return found->second.account;
    auto account = find_account(user, group, groups);
    found = entries_.insert_or_assign({user, group, groups}, Entry{std::move(account), time}).first;
    return found->second.account;
}

} // namespace roleswap::run
