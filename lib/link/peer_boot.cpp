#include "link/peer_boot.hpp"

namespace roleswap::link {
namespace {

constexpr Duration ask_again_after{10'000}; ///< three links bring the same heartbeat thrice

} // namespace

PeerBoot::Verdict PeerBoot::judge(std::uint64_t boot, LinkState state) const
{
    if (boot == confirmed_) return Verdict::current;
    if (boot < confirmed_ && state == LinkState::up) return Verdict::old;
    return Verdict::unknown;
}

bool PeerBoot::expired(Duration now) const
{
    return !asked_ || now - asked_->made > token_life_;
}

std::optional<wire::Challenge> PeerBoot::challenge(std::uint64_t boot, Duration now)
{
    if (!expired(now) && boot < asked_->boot) return {};
    if (expired(now) || boot != asked_->boot)
        asked_ = Asked{boot, make_token_(), now, now};
    else if (now - asked_->sent < ask_again_after)
        return {};
    asked_->sent = now;
    return wire::Challenge{boot, asked_->token};
}

bool PeerBoot::answered(std::uint64_t boot, const wire::Token& token, Duration now)
{
    if (expired(now) || boot != asked_->boot || token != asked_->token) return false;
    confirmed_ = boot;
    asked_.reset();
    return true;
}

} // namespace roleswap::link
