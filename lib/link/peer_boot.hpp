#pragma once
#include "link/types.hpp"
#include "wire/frame.hpp"

namespace roleswap::link {

/// Which start of the peer is the living one: see Transport, "Boots".  A value: time and randomness
/// are given.
class PeerBoot {
public:
    using MakeToken = wire::Token (*)();
    /// `token_life`: how old the challenge may be that is answered.
    PeerBoot(MakeToken make_token, Duration token_life)
        : make_token_(make_token), token_life_(token_life)
    {
    }

    enum class Verdict : std::uint8_t {
        current, ///< of the confirmed boot
        unknown, ///< has to answer a challenge first
        old,     ///< of an earlier one
    };
    /// `state`: up while any link hears the confirmed boot.
    Verdict judge(std::uint64_t boot, LinkState state) const;
    /// What to send to an unknown boot now; empty where it was sent a moment ago, or where a higher
    /// boot is being asked.
    std::optional<wire::Challenge> challenge(std::uint64_t boot, Duration now);
    /// True where this is the answer that was waited for: `boot` is the confirmed one now.
    [[nodiscard]] bool answered(std::uint64_t boot, const wire::Token& token, Duration now);
    std::uint64_t confirmed() const { return confirmed_; }

private:
    struct Asked {
        std::uint64_t boot = 0;
        wire::Token token{};
        Duration made{0};
        Duration sent{0};
    };
    bool expired(Duration now) const;
    MakeToken make_token_;
    Duration token_life_;
    std::uint64_t confirmed_ = 0;
    std::optional<Asked> asked_;
};

} // namespace roleswap::link
