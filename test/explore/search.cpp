#include "search.hpp"
#include <algorithm>
#include <chrono>
#include <string_view>

namespace roleswap::explore {
namespace {

using Clock = std::chrono::steady_clock;

/// 64-bit fingerprints of the states that were met.
class Met {
public:
    Met() : slots_(1 << 16) {}

    /// False where it was met before.
    bool add(std::uint64_t print)
    {
        if (print == 0) print = 1;
        if (++count_ * 2 > slots_.size()) grow();
        return put(print);
    }

private:
    bool put(std::uint64_t print)
    {
        std::size_t at = print & (slots_.size() - 1);
        for (; slots_[at] != 0; at = (at + 1) & (slots_.size() - 1))
            if (slots_[at] == print) return --count_, false;
        slots_[at] = print;
        return true;
    }
    void grow()
    {
        std::vector<std::uint64_t> old(slots_.size() * 2);
        old.swap(slots_);
        for (const auto print : old)
            if (print != 0) put(print);
    }
    std::vector<std::uint64_t> slots_;
    std::size_t count_ = 0;
};

std::uint64_t fingerprint(const Bytes& bytes)
{
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// How each state was met first: enough to walk there again.
struct Step {
    std::uint32_t from;
    std::uint16_t action;
};

std::uint16_t squeeze(const Action& a)
{
    return static_cast<std::uint16_t>(unsigned(a.kind) << 9 | unsigned(a.n) << 7 | a.arg);
}
Action stretch(std::uint16_t s)
{
    return {Action::Kind(s >> 9), static_cast<std::uint8_t>(s >> 7 & 3),
            static_cast<std::uint8_t>(s & 0x7f)};
}

/// States that are still to be walked, one after another.
struct Level {
    std::vector<std::uint8_t> bytes;
    std::vector<std::size_t> ends;
    std::vector<std::uint32_t> ids;
    void push(const Bytes& state, std::uint32_t id)
    {
        bytes.insert(bytes.end(), state.begin(), state.end());
        ends.push_back(bytes.size());
        ids.push_back(id);
    }
    Bytes at(std::size_t i) const
    {
        const std::size_t begin = i == 0 ? 0 : ends[i - 1];
        return {bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                bytes.begin() + static_cast<std::ptrdiff_t>(ends[i])};
    }
};

class Search {
public:
    Search(const Mode& mode, const Bounds& bounds) : mode_(mode), bounds_(bounds) {}

    Report run()
    {
        begin_ = Clock::now();
        // Only a start is far enough from the one before to activate a dr node that was cut off.
        Seen way;
        meet(pack(initial(mode_, way)), 0, {});
        report_.seen.dr_rules = way.dr_rules;
        while (!next_.ids.empty() && report_.seen.violation.empty() && !spent()) {
            Level level;
            std::swap(level, next_);
            for (std::size_t i = 0; i < level.ids.size() && !ended(); ++i)
                expand(unpack(mode_, level.at(i)), level.ids[i]);
            report_.depth++;
        }
        report_.closed = next_.ids.empty() && report_.seen.violation.empty() && !spent();
        report_.seconds = elapsed();
        return std::move(report_);
    }

private:
    double elapsed() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }
    bool spent()
    {
        if (report_.states >= bounds_.states) return true;
        if ((++looks_ & 0xff) == 0) late_ = elapsed() > bounds_.seconds;
        return late_;
    }
    bool ended() { return !report_.seen.violation.empty() || spent(); }

    void meet(const Bytes& state, std::uint32_t from, const Action& action)
    {
        if (!met_.add(fingerprint(state))) return;
        const auto id = static_cast<std::uint32_t>(steps_.size());
        steps_.push_back({from, squeeze(action)});
        next_.push(state, id);
        report_.states++;
    }

    void expand(const World& world, std::uint32_t id)
    {
        if (id % bounds_.live_sample == 0 && !lives(world, id)) return;
        for (const Action& action : actions(mode_, world)) {
            World next = world;
            apply(mode_, next, action, report_.seen);
            report_.edges++;
            if (!report_.seen.violation.empty()) {
                report_.path = path(id);
                turn_last(action);
                return;
            }
            meet(pack(next), id, action);
        }
    }

    bool lives(const World& world, std::uint32_t id)
    {
        report_.settled++;
        report_.seen.violation = settles(mode_, world, report_.seen);
        if (report_.seen.violation.empty()) return true;
        report_.path = path(id);
        return false;
    }

    /// As the nodes are, though states are kept with their nodes swapped now and then.
    std::vector<Action> path(std::uint32_t id)
    {
        std::vector<Action> kept;
        for (; id != 0; id = steps_[id].from) kept.push_back(stretch(steps_[id].action));
        std::reverse(kept.begin(), kept.end());
        real_ = initial(mode_);
        Seen ignored;
        for (Action& action : kept) {
            action = as_real(action);
            apply(mode_, real_, action, ignored);
        }
        return kept;
    }
    Action as_real(const Action& action) const
    {
        bool turned = false;
        static_cast<void>(pack(real_, &turned));
        return turned ? swapped(action) : action;
    }
    void turn_last(const Action& action) { report_.path.push_back(as_real(action)); }

    const Mode& mode_;
    const Bounds& bounds_;
    Clock::time_point begin_;
    Met met_;
    std::vector<Step> steps_;
    Level next_;
    World real_;
    Report report_;
    unsigned looks_ = 0;
    bool late_ = false;
};

} // namespace

Report search(const Mode& mode, const Bounds& bounds)
{
    return Search(mode, bounds).run();
}

} // namespace roleswap::explore
