#define CATCH_CONFIG_RUNNER
#include "support/catch_session.hpp"
#include <catch2/catch.hpp>

namespace roleswap::test {

int run_tests(int argc, char** argv)
{
    return Catch::Session().run(argc, argv);
}

} // namespace roleswap::test
