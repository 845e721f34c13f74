#pragma once
#include <string>
#include <sys/types.h>
#include <vector>

namespace roleswap::run {

/// Who a task runs as, looked up in this machine's user database.
struct Account {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups; ///< supplementary ones, as initgroups(3) would set them
    std::string name;
    std::string home;
    bool change = false; ///< the daemon is root: set all ids in the child
};

/// Empty `user` is the daemon's own, empty `group` the user's primary one.  Throws
/// std::runtime_error with a sentence: unknown, or another user while the daemon is not root.
Account find_account(const std::string& user, const std::string& group);

} // namespace roleswap::run
