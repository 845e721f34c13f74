#pragma once

namespace roleswap::test {

/// Runs the Catch2 tests of this program; returns its exit code.
int run_tests(int argc, char** argv);

} // namespace roleswap::test
