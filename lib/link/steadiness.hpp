#pragma once
#include "link/types.hpp"
#include <deque>

namespace roleswap::link {

/// What to tell people of a link that goes up and down: each change, until there are so many that
/// they hide everything else; then how many there were, once a minute, until the link is steady.
/// Only words are held back: the transport reacts to each change at once.  A value: times are given
/// and never go back.
class Steadiness {
public:
    struct Limits {
        unsigned changes = 5;                        ///< so many within `window` are too many
        Duration window = std::chrono::seconds(10);  ///< also: of the loss that is told
        Duration summary = std::chrono::seconds(60); ///< how often an unsteady link is told
        Duration quiet = std::chrono::seconds(30);   ///< without a change: steady again
    };
    enum class Say : std::uint8_t {
        nothing,
        change,   ///< what the link is now
        unsteady, ///< it just became unsteady, `changes` within the window
        summary,  ///< it still is, `changes` since the last word
        steady,   ///< it is steady again, and what it is now; `changes` since the last word
    };
    struct Verdict {
        Say say = Say::nothing;
        unsigned changes = 0;
        bool operator==(const Verdict&) const = default;
    };

    Steadiness() = default;
    explicit Steadiness(Limits limits) : limits_(limits) {}

    /// The link went up or down.
    Verdict changed(Duration now);
    /// Call about once a second.
    Verdict look(Duration now);
    bool unsteady() const { return unsteady_; }

private:
    Limits limits_{};
    std::deque<Duration> recent_; ///< changes within the window; empty while unsteady
    bool unsteady_ = false;
    unsigned untold_ = 0; ///< changes since the last word, while unsteady
    Duration changed_at_{0};
    Duration told_at_{0};
};

} // namespace roleswap::link
