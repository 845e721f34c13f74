#include "line_budget.hpp"
#include <catch2/catch.hpp>

namespace roleswap::line_budget_test {

using roleswap::daemon::LineBudget;
using namespace std::chrono_literals;

TEST_CASE("a flood of lines is cut to what the journal takes, and counted", "[daemon]")
{
    LineBudget budget;
    int passed = 0;
    for (int i = 0; i < 100'000; ++i) passed += budget.take(1h) ? 1 : 0;
    CHECK(passed == LineBudget::burst);
    CHECK(budget.left_out() == 98'000);
    CHECK(budget.left_out() == 0);
    passed = 0;
    for (int ms = 1; ms <= 1000; ++ms)
        for (int i = 0; i < 10; ++i)
            passed += budget.take(1h + std::chrono::milliseconds(ms)) ? 1 : 0;
    CHECK(passed == LineBudget::per_second);
    CHECK(budget.left_out() == 8'000);
}

TEST_CASE("a task that says little loses no line", "[daemon]")
{
    LineBudget budget;
    for (int ms = 0; ms < 10'000; ++ms) CHECK(budget.take(std::chrono::milliseconds(ms)));
    CHECK(budget.left_out() == 0);
}

} // namespace roleswap::line_budget_test
