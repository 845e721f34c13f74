#include "support/catch_session.hpp"

/// For test programs that have nothing to look at before their tests.
int main(int argc, char** argv)
{
    return roleswap::test::run_tests(argc, argv);
}
