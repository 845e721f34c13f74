#pragma once
#include "event/loop.hpp"
#include <map>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <tuple>
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

/// what() says what is wrong, `fix` what to do about it.
struct AccountError : std::runtime_error {
    AccountError(const std::string& why, std::string remedy)
        : std::runtime_error(why), fix(std::move(remedy))
    {
    }
    std::string fix;
};

/// Empty `user` is the daemon's own, empty `group` the user's primary one; `groups` are
/// supplementary ones besides those of the user.  Throws AccountError: unknown, or another user
/// while the daemon is not root.
Account find_account(const std::string& user, const std::string& group,
                     const std::vector<std::string>& groups);

/// Remembers answers for a moment: many runs that start at once ask the user database once.
class Accounts {
public:
    /// As find_account.  Refusals are not remembered.
    const Account& find(const std::string& user, const std::string& group,
                        const std::vector<std::string>& groups);

private:
    struct Entry {
        Account account;
        event::Duration found_at{0};
    };
    std::map<std::tuple<std::string, std::string, std::vector<std::string>>, Entry> entries_;
};

} // namespace roleswap::run
