#include "link/monitor.hpp"
#include <algorithm>
#include <cmath>
#include <limits>

namespace roleswap::link {
namespace {

constexpr double rtt_weight = 0.125; ///< of a new sample, as in RFC 6298, section 2.3
constexpr double rtt_us_max = 60e6;  ///< above that a sample is nonsense

std::uint64_t microseconds(Duration time)
{
    return static_cast<std::uint64_t>(time.count());
}

} // namespace

bool Monitor::heard(const wire::Envelope& envelope, Duration now, Timing timing)
{
    if (!heard_at_ || now - *heard_at_ > limits_.dead_after) streak_ = 0;
    if (streak_ == 0 || now - streak_at_ >= limits_.heartbeat / 2) {
        streak_ += 1;
        streak_at_ = now;
    }
    heard_at_ = now;
    alive_at_ = now;
    loss_in_.arrived(envelope.link_sequence, now);
    loss_out_ = envelope.loss_permille / 1000.0;
    if (timing == Timing::exact)
        measure(envelope, now);
    else
        peer_sent_us_ = 0; // an echo would show our pause to the peer as a slow network
    if (state_ == LinkState::up || (!fresh_ && streak_ < limits_.up_after)) return false;
    state_ = LinkState::up;
    fresh_ = false;
    return true;
}

void Monitor::measure(const wire::Envelope& envelope, Duration now)
{
    peer_sent_us_ = envelope.sent_us;
    peer_sent_at_ = now;
    if (envelope.echo_us == 0) return;
    const auto sample = static_cast<double>(microseconds(now)) -
                        static_cast<double>(envelope.echo_us) -
                        static_cast<double>(envelope.held_us);
    if (sample < 0 || sample > rtt_us_max) return;
    rtt_us_ = rtt_us_ ? *rtt_us_ + rtt_weight * (sample - *rtt_us_) : sample;
}

std::optional<Duration> Monitor::deadline() const
{
    if (state_ != LinkState::up) return {};
    return alive_at_ + limits_.dead_after;
}

bool Monitor::suspect(Duration now) const
{
    const auto end = deadline();
    return end && now >= *end;
}

bool Monitor::silent(Duration now)
{
    if (!suspect(now)) return false;
    state_ = LinkState::down;
    streak_ = 0;
    return true;
}

void Monitor::excuse(Duration now)
{
    alive_at_ = std::max(alive_at_, now - limits_.dead_after + 2 * limits_.heartbeat);
}

void Monitor::fresh_peer()
{
    fresh_ = true;
    peer_sent_us_ = 0;
    loss_in_.reset();
}

void Monitor::tell(wire::Envelope& envelope, Duration now) const
{
    envelope.sent_us = microseconds(now);
    envelope.loss_permille = static_cast<std::uint16_t>(std::lround(loss_in_.rate(now) * 1000));
    const auto held = now - peer_sent_at_;
    if (peer_sent_us_ == 0 || held.count() > std::numeric_limits<std::uint32_t>::max()) return;
    envelope.echo_us = peer_sent_us_;
    envelope.held_us = static_cast<std::uint32_t>(held.count());
}

void Monitor::describe(LinkStatus& status, Duration now) const
{
    const bool up = state_ == LinkState::up;
    status.state = state_;
    status.last_heard = heard_at_;
    if (rtt_us_) status.rtt_ms = *rtt_us_ / 1000;
    status.loss_in = up ? loss_in_.rate(now) : 1;
    status.loss_out = up ? loss_out_ : 1;
}

std::optional<Duration> Monitor::rtt() const
{
    if (!rtt_us_) return {};
    return Duration(std::llround(*rtt_us_));
}

} // namespace roleswap::link
