#include "link/outgoing.hpp"
#include <algorithm>

namespace roleswap::link {

Outgoing::Outgoing(wire::Transfer transfer, RequestId id, wire::Bytes message)
    : transfer_(transfer), id_(id), message_(std::move(message)),
      arrived_(wire::fragment_count(message_.size())), sent_at_(arrived_.count())
{
}

void Outgoing::send_fragment(std::uint16_t index, Route route, const SendFrame& send) const
{
    send(
        wire::Fragment{transfer_, id_, index, arrived_.count(), wire::fragment_of(message_, index)},
        route);
}

void Outgoing::pump(Duration now, Duration repeat_after, const SendFrame& send)
{
    constexpr int patience_max = 4;
    unsigned under_way = 0;
    bool repeated = false;
    while (first_ < next_ && arrived_.has(first_)) ++first_;
    for (auto index = first_; index < next_; ++index) {
        if (arrived_.has(index)) continue;
        ++under_way;
        if (now - sent_at_[index] < patience_ * repeat_after) continue;
        repeated = true;
        sent_at_[index] = now;
        send_fragment(index, Route::all, send);
    }
    if (repeated) patience_ = std::min(2 * patience_, patience_max);
    const auto route = arrived_.count() == 1 ? Route::all : Route::best;
    for (; next_ < arrived_.count() && under_way < window; ++next_, ++under_way) {
        sent_at_[next_] = now;
        send_fragment(next_, route, send);
    }
}

void Outgoing::acknowledged(const wire::Ack& ack)
{
    if (ack.count != arrived_.count()) return;
    if (arrived_.merge(ack.have)) patience_ = 1;
}

} // namespace roleswap::link
