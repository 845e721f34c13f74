#pragma once
#include "etcd.hpp"
#include "witness/witness.hpp"
#include <optional>
#include <string>
#include <vector>

namespace roleswap::test {

using witness::Answer;
using witness::Existing;
using witness::Health;
using witness::Verdict;

inline constexpr auto left = core::Node::first;
inline constexpr auto right = core::Node::second;

/// Looks often and tells at once, so that tests need not wait.
witness::Options options_for(std::vector<std::string> endpoints);

/// One node's view of the witness.
class Side {
public:
    Side(event::Loop& loop, witness::Options options);
    Side(event::Loop& loop, std::vector<std::string> endpoints);

    Answer decide(const Verdict& seen, const Verdict& value,
                  event::Duration limit = std::chrono::seconds(5));
    Answer create(const Verdict& value, Existing existing = Existing::keep);
    /// After a look that began now.
    witness::Status look();
    bool wait_for(Health health);
    /// By two looks in a row, which is when it is told.
    bool wait_for_twice(Health health);
    /// How often the register was changed since etcd's beginning, by its revision.
    std::uint64_t revision();

    witness::Witness& port() { return witness_; }
    std::vector<std::string> events; ///< "what: why"
    bool heard(const std::string& what) const;

private:
    event::Loop& loop_;
    witness::Witness witness_;
};

/// The longest time between two turns of a loop that has something to do every millisecond.
class TurnMeter {
public:
    explicit TurnMeter(event::Loop& loop);
    event::Duration worst() const { return worst_; }

private:
    event::Duration last_;
    event::Duration worst_{0};
    event::Timer timer_;
};

double milliseconds(event::Duration duration);

/// The shortest of three: a machine that has other things to do makes one of them long, not all.
event::Duration shortest(const std::function<event::Duration()>& once);

} // namespace roleswap::test
