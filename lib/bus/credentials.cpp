#include "bus/credentials.hpp"
#include "event/fd.hpp"
#include <algorithm>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace roleswap::bus {
namespace {

bool member(const std::string& user, gid_t primary, gid_t group)
{
    std::vector<gid_t> groups(64);
    int count = static_cast<int>(groups.size());
    if (getgrouplist(user.c_str(), primary, groups.data(), &count) < 0) {
        groups.resize(static_cast<std::size_t>(count));
        if (getgrouplist(user.c_str(), primary, groups.data(), &count) < 0) return false;
    }
    groups.resize(static_cast<std::size_t>(count));
    return std::ranges::find(groups, group) != groups.end();
}

} // namespace

Caller peer_of(int socket)
{
    ucred peer{};
    socklen_t size = sizeof peer;
    event::check(getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size),
                 "read the credentials of a client");
    return Caller{peer.uid, peer.gid, peer.pid, std::to_string(peer.uid), false};
}

void complete(Caller& caller, const std::string& group)
{
    const passwd* user = getpwuid(caller.uid);
    if (user) caller.user = user->pw_name;
    const gid_t primary = user ? user->pw_gid : caller.gid;
    caller.may_act = caller.uid == 0 || caller.uid == geteuid();
    if (caller.may_act) return;
    const ::group* wanted = getgrnam(group.c_str());
    if (!wanted) return;
    const gid_t gid = wanted->gr_gid;
    caller.may_act = caller.gid == gid || (user && member(caller.user, primary, gid));
}

} // namespace roleswap::bus
