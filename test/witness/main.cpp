#include "etcd.hpp"
#include "support/catch_session.hpp"
#include <cstdio>

int main(int argc, char** argv)
{
    if (roleswap::test::etcd_path().empty()) {
        std::puts("skipped: there is no etcd; install the package etcd-server");
        return 77;
    }
    return roleswap::test::run_tests(argc, argv);
}
