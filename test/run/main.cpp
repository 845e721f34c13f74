#include "support/catch_session.hpp"
#include <cstdio>
#include <cstdlib>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

/// ROLESWAP_TEST_USER: become this user first; exit code 77 (skipped) where that is not possible.
int main(int argc, char* argv[])
{
    if (const char* user = std::getenv("ROLESWAP_TEST_USER")) {
        const passwd* entry = ::getpwnam(user);
        if (::geteuid() != 0 || entry == nullptr) {
            std::printf("skipped: needs root and the user %s\n", user);
            return 77;
        }
        if (::setgroups(0, nullptr) != 0 || ::setgid(entry->pw_gid) != 0 ||
            ::setuid(entry->pw_uid) != 0 || ::chdir("/") != 0)
            return 1;
    }
    return roleswap::test::run_tests(argc, argv);
}
