#include "link/exchange.hpp"
#include <algorithm>

namespace roleswap::link {
namespace {

constexpr std::size_t receiving_max = 64; ///< unfinished requests: 64 MiB at most
constexpr Duration fragment_wait{30'000'000};
constexpr Duration reply_wait{60'000'000};
constexpr Duration remember{120'000'000};
constexpr Duration execution_max{86'400'000'000}; ///< nobody waits a day for a reply

} // namespace

/// Null where the number is an old one that was dropped, or too many are unfinished: the peer
/// repeats the latter.
Serving::Served* Serving::find_or_add(const wire::Fragment& fragment)
{
    const auto found = served_.find(fragment.id);
    if (found != served_.end()) return &found->second;
    if (fragment.id <= forgotten_) return nullptr;
    const auto receiving = std::ranges::count_if(
        served_, [](const auto& entry) { return entry.second.stage == Stage::receiving; });
    if (receiving >= static_cast<std::ptrdiff_t>(receiving_max)) return nullptr;
    return &served_.emplace(fragment.id, Served{wire::Assembly(fragment.count)}).first->second;
}

void Serving::on_fragment(const wire::Fragment& fragment, Duration now)
{
    auto* const served = find_or_add(fragment);
    if (served == nullptr) return;
    if (served->request.have().count() != fragment.count) return;
    unacknowledged_.insert(fragment.id);
    if (served->stage != Stage::receiving) return; // repeated: our acknowledgement was lost
    served->since = now;
    if (served->request.add(fragment) != wire::Assembly::Verdict::added) return;
    if (!served->request.complete()) return;
    served->stage = Stage::executing;
    const auto request = served->request.take();
    execute_(fragment.id, request);
}

void Serving::on_ack(const wire::Ack& ack, Duration now)
{
    const auto reply = replies_.find(ack.id);
    if (reply == replies_.end()) return;
    reply->second.acknowledged(ack);
    if (!reply->second.complete()) return;
    replies_.erase(reply);
    auto& served = served_.at(ack.id);
    served.stage = Stage::done;
    served.since = now;
}

void Serving::reply(RequestId id, wire::Bytes message, Duration now)
{
    const auto found = served_.find(id);
    if (found == served_.end() || found->second.stage != Stage::executing) return;
    auto& served = found->second;
    served.stage = Stage::replying;
    served.since = now;
    replies_.emplace(id, Outgoing(wire::Transfer::reply, id, std::move(message)));
}

void Serving::flush_acks()
{
    for (const auto id : unacknowledged_) {
        const auto found = served_.find(id);
        if (found == served_.end()) continue;
        const auto& have = found->second.request.have();
        send_(wire::Ack{wire::Transfer::request, id, have.count(), have.bits()}, Route::all);
    }
    unacknowledged_.clear();
}

void Serving::pump(Duration now, Duration repeat_after)
{
    for (auto& [id, reply] : replies_) reply.pump(now, repeat_after, send_);
}

void Serving::forget(Duration now)
{
    for (auto entry = served_.begin(); entry != served_.end();) {
        auto& [id, served] = *entry;
        const auto age = now - served.since;
        if ((served.stage == Stage::replying && age > reply_wait) ||
            (served.stage == Stage::executing && age > execution_max)) {
            replies_.erase(id);
            served.stage = Stage::done;
        }
        const bool drop = (served.stage == Stage::receiving && age > fragment_wait) ||
                          (served.stage == Stage::done && age > remember);
        if (drop) forgotten_ = std::max(forgotten_, id);
        entry = drop ? served_.erase(entry) : std::next(entry);
    }
}

void Serving::reset()
{
    served_.clear();
    replies_.clear();
    unacknowledged_.clear();
    forgotten_ = 0;
}

} // namespace roleswap::link
