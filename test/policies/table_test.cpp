#include "script.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace roleswap;
using namespace roleswap::test;

namespace {

constexpr unsigned scripts = 40;

std::vector<Policies> all_policies()
{
    std::vector<Policies> all{{}};
    const auto cross = [&all](auto member, const auto& values) {
        std::vector<Policies> more;
        for (const auto& policies : all)
            for (const auto value : values) {
                more.push_back(policies);
                more.back().*member = value;
            }
        all = std::move(more);
    };
    using namespace roleswap::task;
    cross(&Policies::catch_up, std::vector{CatchUp::none, CatchUp::last, CatchUp::all});
    cross(&Policies::overlap, std::vector{Overlap::skip, Overlap::queue, Overlap::parallel});
    cross(&Policies::retries, std::vector{0, 1, 3});
    cross(&Policies::timeout, std::vector{0, 9});
    cross(&Policies::on_swap, std::vector{OnSwap::wait, OnSwap::move});
    cross(&Policies::after_crash, std::vector{AfterCrash::rerun, AfterCrash::hold});
    cross(&Policies::hold_after, std::vector{0, 25});
    return all;
}

std::string text(const Policies& it)
{
    return fmt::format("catch_up = {}, overlap = {}, retries = {}, timeout = {}, on_swap = {}, "
                       "after_crash = {}, hold_after_outage = {}",
                       to_string(it.catch_up), to_string(it.overlap), it.retries, it.timeout,
                       to_string(it.on_swap), to_string(it.after_crash), it.hold_after);
}

std::string text(const Script& script)
{
    auto told = fmt::format("script {}:", script.seed);
    for (const auto& gap : script.gaps)
        told += fmt::format(" {} {}..{}",
                            gap.kind == Gap::Kind::crash  ? "crash"
                            : gap.kind == Gap::Kind::swap ? "swap"
                                                          : "stop",
                            gap.from, gap.until);
    return told;
}

std::string text(const Fates& fates)
{
    std::string told;
    for (const auto& [due, fate] : fates)
        told += fmt::format("{} {} [{}]\n", due, fate.state, fmt::join(fate.starts, " "));
    return told;
}

} // namespace

TEST_CASE("every combination of policies does what the manual says", "[policies]")
{
    std::map<std::string, std::size_t> seen;
    const auto policies = all_policies();
    for (unsigned seed = 0; seed < scripts; ++seed) {
        const auto script = make_script(seed);
        for (const auto& one : policies) {
            const auto product = by_product(one, script);
            for (const auto& [due, fate] : product) ++seen[fate.state];
            if (product == by_manual(one, script)) continue;
            INFO(text(one) << "\n" << text(script));
            REQUIRE(text(product) == text(by_manual(one, script)));
        }
    }
    CHECK(policies.size() == 3 * 3 * 3 * 2 * 2 * 2 * 2);
    for (const auto* state :
         {"ok", "failed", "timeout", "skipped", "interrupted", "held", "queued", "running"}) {
        INFO(state);
        CHECK(seen[state] > 100);
    }
    CHECK(seen.size() == 8);
}
