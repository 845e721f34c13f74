#pragma once
#include "core/types.hpp"
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::witness {

using core::Verdict;

/// Names of the two nodes by their order in the configuration.
using Names = std::array<std::string, 2>;

/// "roleswap/PAIR/verdict"
std::string register_key(std::string_view pair);

/// {"epoch":N,"round":N,"master":NAME}: always the same text for the same verdict.
std::string encode(const Verdict& verdict, const Names& names);
/// Empty when the text is no verdict of a pair of these nodes.
std::optional<Verdict> decode(std::string_view text, const Names& names);

/// What the key held at one moment.
struct Register {
    std::string text;
    std::optional<Verdict> verdict; ///< empty: the text is no verdict of this pair
    std::uint64_t mod_revision = 0; ///< etcd's count of changes when this one was made
};

/// What to do about a register that was read.
struct Ruling {
    enum class Step : std::uint8_t {
        refused, ///< it holds a verdict that must stay
        wiped,   ///< it is not there, or is no verdict of this pair
        put,     ///< put `verdict`, if the register still is what was read
    };
    Step step = Step::refused;
    Verdict verdict{};
    bool operator==(const Ruling&) const = default;
};

/// The rule of a decision: what is not later than `seen`, or comes from the master of `value`
/// itself, gives way to the later of it and `value`; what is not there is never made.  It is put
/// also where that changes nothing: whoever read the register before can then put nothing any
/// more.
Ruling judge_decision(const std::optional<Register>& found, const Verdict& seen,
                      const Verdict& value);

} // namespace roleswap::witness
