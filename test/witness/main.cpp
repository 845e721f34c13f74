#define CATCH_CONFIG_RUNNER
#include "etcd.hpp"
#include <catch2/catch.hpp>
#include <cstdio>

int main(int argc, char** argv)
{
    if (roleswap::test::etcd_path().empty()) {
        std::puts("skipped: there is no etcd; install the package etcd-server");
        return 77;
    }
    return Catch::Session().run(argc, argv);
}
