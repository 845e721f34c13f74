// What a primary looks at again and again, and its links.
#include "store/managed_impl.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::store {

using namespace std::chrono_literals;

namespace {

constexpr int missed_max = 4;
constexpr int slot_looks = 40; ///< without the peer: 2 s

constexpr const char* look_sql = R"(
select pg_current_wal_insert_lsn(), pg_current_wal_flush_lsn(),
  ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int,
  r.state = 'streaming', r.sync_state, host(r.client_addr), r.flush_lsn
from (select 1) one left join pg_stat_replication r on r.application_name = $1
order by r.flush_lsn desc nulls last limit 1)";

} // namespace

Task<> ManagedStore::Impl::watch_primary()
{
    int absent = 0; ///< looks in a row without the peer
    for (;;) {
        try {
            co_await look_at_peer();
            // Somebody may have dropped its slot, and without one it never streams again.
            absent = state_.streaming ? 0 : absent + 1;
            if (absent > 0 && absent % slot_looks == 0)
                co_await make_slots(watch_, server_.sessions().watch);
        } catch (const std::runtime_error&) { // restarting after the crash of a backend
            state_.streaming = false;
        }
        watch_peer();
        if (!state_.streaming) pace_.stir(event::Loop::now());
        co_await watch_.sleep(pace_.pause(event::Loop::now()));
    }
}

/// A change of link takes the stream away for some ms: only what stays away is told.
void ManagedStore::Impl::watch_peer()
{
    if (state_.streaming || !server_.tuning().require_peer) {
        peer_missed_ = 0;
        return;
    }
    if (++peer_missed_ == missed_max) emit(Kind::lost_peer, state_.flushed);
}

Task<> ManagedStore::Impl::look_at_peer()
{
    const auto result =
        co_await ask(watch_, server_.sessions().watch, look_sql, values(peer_name_));
    const auto row = result[0];
    const auto before = state_.flushed;
    state_.written = row.lsn(0);
    state_.flushed = row.lsn(1);
    state_.timeline = static_cast<std::uint32_t>(row.integer(2));
    state_.streaming = !row.is_null(3) && row.boolean(3);
    state_.sync_state = row.maybe_text(4).value_or("");
    state_.address = row.maybe_text(5).value_or("");
    state_.link = link_of(state_.address);
    if (before != state_.flushed) {
        emit(Kind::progress, state_.flushed);
        pace_.stir(event::Loop::now());
    }
    if (!row.is_null(6)) state_.peer_flushed = row.lsn(6);
    // A peer that is gone holds what it said last, and lacks all that came since.
    if (state_.peer_flushed.bytes != 0)
        state_.pending = base::distance(state_.peer_flushed, state_.flushed);
}

std::string ManagedStore::Impl::link_of(std::string_view peer_address) const
{
    for (const auto& link : options_.links)
        if (link.peer == peer_address) return link.name;
    return {};
}

bool ManagedStore::Impl::leads_to_peer(std::size_t link) const
{
    const auto& node = options_.links.at(link).node;
    return (node.empty() ? options_.peer_name : node) == peer_name_;
}

/// The sender of a dead link, of the mirror or of a copy, holds the slot and the name of the
/// synchronous standby until its time-out, so the standby's new connection could not take over.
void ManagedStore::Impl::end_stale_senders()
{
    if (!server_.running()) return;
    std::string dead;
    for (std::size_t index = 0; index < options_.links.size(); ++index) {
        if (!leads_to_peer(index)) continue;
        if (std::find(live_links_.begin(), live_links_.end(), index) != live_links_.end()) continue;
        dead += (dead.empty() ? "" : ",") + options_.links[index].peer;
    }
    if (dead.empty()) return;
    pg::Query query{"select pg_terminate_backend(pid) from pg_stat_replication where "
                    "application_name in ($1, $2) and client_addr = any($3::inet[])",
                    {peer_name_, repair_application, "{" + dead + "}"}};
    server_.sessions().watch.query(std::move(query), [this](pg::Reply reply) {
        const auto* result = std::get_if<pg::Result>(&reply);
        if (result == nullptr) note("link-move-failed", pg::describe(reply));
        if (result != nullptr && !result->empty()) note("stale-sender-ended", "its link is down");
    });
}

} // namespace roleswap::store
