#include "setting.hpp"
#include "witness/gateway.hpp"
#include "witness/register.hpp"
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace roleswap;
using namespace roleswap::witness;
using test::left;
using test::right;

namespace {

const Names names{"left", "right"};

std::optional<Register> holding(const Verdict& verdict)
{
    return Register{encode(verdict, names), verdict, 7};
}

} // namespace

TEST_CASE("a verdict reads back what was written, and nothing else is one")
{
    const Verdict verdict{18446744073709551615ULL, 3, right};
    CHECK(encode(verdict, names) == R"({"epoch":18446744073709551615,"round":3,"master":"right"})");
    CHECK(decode(encode(verdict, names), names) == verdict);
    for (const char* text :
         {"", "x", "[]", "{}", R"({"epoch":1,"round":2})",
          R"({"epoch":-1,"round":0,"master":"left"})", R"({"epoch":"1","round":0,"master":"left"})",
          R"({"epoch":1,"round":0.5,"master":"left"})",
          R"({"epoch":1,"round":0,"master":"middle"})", R"({"epoch":1,"round":0,"master":1})"}) {
        INFO(text);
        CHECK_FALSE(decode(text, names));
    }
}

TEST_CASE("the rule of a decision, case by case")
{
    struct Row {
        const char* what;
        std::optional<Register> found;
        Verdict seen, value;
        Ruling ruling;
    };
    using enum Ruling::Step;
    const Verdict one{1, 0, left}, two{2, 0, right}, again{1, 1, left};
    const Verdict own{1, ~std::uint64_t{0}, left};
    const std::vector<Row> rows{
        {"no register", {}, one, two, {wiped}},
        {"no verdict of this pair", Register{"x", {}, 7}, one, two, {wiped}},
        {"as seen", holding(one), one, two, {put, two}},
        {"as seen, a new round", holding(one), one, again, {put, again}},
        {"earlier than seen", holding(one), again, two, {put, two}},
        {"the value already, put again", holding(two), one, two, {put, two}},
        {"of the same master and later", holding({3, 5, right}), one, two, {put, {3, 5, right}}},
        {"of somebody else and later", holding({2, 0, left}), one, two, {refused}},
        {"a later round of somebody else", holding(again), one, two, {refused}},
        {"a later epoch than all", holding({3, 0, left}), two, two, {refused}},
        {"a round of the own epoch", holding({1, 7, left}), own, {1, 8, left}, {put, {1, 8, left}}},
        {"the peer claimed", holding(two), own, {1, 8, left}, {refused}},
        {"seen and later than the value",
         holding({3, 0, left}),
         {3, 0, left},
         two,
         {put, {3, 0, left}}},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        CHECK(judge_decision(row.found, row.seen, row.value) == row.ruling);
    }
}

TEST_CASE("answers that etcd does not give are told from those it gives")
{
    using nlohmann::json;
    CHECK_FALSE(parse_range(json::parse(R"({"header":{}})"), names));
    CHECK_THROWS(parse_range(json::parse("{}"), names));
    CHECK_THROWS(parse_range(json::parse(R"({"header":{},"kvs":[{"value":"%"}]})"), names));
    CHECK_THROWS(parse_range(json::parse(R"({"header":{},"kvs":[{"mod_revision":"x"}]})"), names));
    CHECK_THROWS(parse_range(json::parse(R"({"header":{},"kvs":[{"mod_revision":5}]})"), names));
    CHECK_THROWS(parse_put(json::parse(R"({"header":{}})"), names));
    CHECK(parse_put(json::parse(R"({"header":{},"succeeded":true})"), names).done);
}
