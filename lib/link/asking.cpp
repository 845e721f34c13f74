#include "link/exchange.hpp"

namespace roleswap::link {

RequestId Asking::add(wire::Bytes message, Duration deadline, OnAnswer on_answer)
{
    const auto id = ++last_id_;
    pending_.emplace(id, Pending{Outgoing(wire::Transfer::request, id, std::move(message)),
                                 deadline,
                                 std::move(on_answer),
                                 0,
                                 {}});
    return id;
}

void Asking::on_fragment(const wire::Fragment& fragment)
{
    const auto found = pending_.find(fragment.id);
    if (found == pending_.end()) { // answered, timed out or cancelled: let the peer be content
        wire::FragmentSet all(fragment.count);
        all.add_all();
        acks_.insert_or_assign(fragment.id, all);
        return;
    }
    auto& pending = found->second;
    pending.out.acknowledged_all();
    if (!pending.reply) pending.reply.emplace(fragment.count);
    if (pending.reply->add(fragment) == wire::Assembly::Verdict::mismatch) return;
    acks_.insert_or_assign(fragment.id, pending.reply->have());
    if (!pending.reply->complete()) return;
    const auto on_answer = std::move(pending.on_answer);
    auto reply = pending.reply->take();
    pending_.erase(found);
    on_answer(std::move(reply));
}

void Asking::on_ack(const wire::Ack& ack)
{
    const auto found = pending_.find(ack.id);
    if (found != pending_.end()) found->second.out.acknowledged(ack);
}

void Asking::flush_acks()
{
    for (const auto& [id, have] : acks_)
        send_(wire::Ack{wire::Transfer::reply, id, have.count(), have.bits()}, Route::all);
    acks_.clear();
}

void Asking::pump(Duration now, Duration repeat_after, std::uint64_t peer)
{
    constexpr int under_way_max = 32; // the others wait their turn
    int under_way = 0;
    for (auto& [id, pending] : pending_) {
        if (pending.out.complete()) continue;
        if (++under_way > under_way_max) return;
        pending.boot = peer;
        pending.out.pump(now, repeat_after, send_);
    }
}

template <typename Condition> void Asking::fail_where(RequestError error, Condition condition)
{
    std::vector<OnAnswer> failed;
    for (auto entry = pending_.begin(); entry != pending_.end();) {
        const bool fails = condition(entry->second);
        if (fails) failed.push_back(std::move(entry->second.on_answer));
        entry = fails ? pending_.erase(entry) : std::next(entry);
    }
    for (const auto& on_answer : failed) on_answer(error);
}

void Asking::expire(Duration now)
{
    fail_where(RequestError::timed_out,
               [&](const Pending& pending) { return now >= pending.deadline; });
}

void Asking::peer_is(std::uint64_t boot)
{
    fail_where(RequestError::peer_restarted,
               [&](const Pending& pending) { return pending.boot != 0 && pending.boot != boot; });
}

} // namespace roleswap::link
