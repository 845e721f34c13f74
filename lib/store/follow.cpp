// ManagedStore::follow: a hot standby that streams, whatever state the cluster is in.
#include "store/managed_impl.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::store {

using namespace std::chrono_literals;

namespace {

/// Position, stream and timeline in one look.  The row of the receiver appears when it
/// has connected; the log tells which has really begun to stream.
constexpr const char* receiver_sql = R"(
select pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), w.flushed_lsn, w.sender_host,
  coalesce(w.status = 'streaming' and w.pid = $1, false),
  coalesce(w.received_tli, (select timeline_id from pg_control_checkpoint()))
from (select 1) one left join pg_stat_wal_receiver w on true)";

/// A stream may move to another link, or begin, within this without a word.
constexpr event::Duration patience = 150ms;
constexpr event::Duration away_after = 3s;
/// A cluster that does not start so often, with a disk that is not full, is copied anew.
constexpr int failed_starts_max = 3;

} // namespace

void ManagedStore::Impl::follow()
{
    if (duty_ == Duty::follow && role_.busy()) { // repeated: harmless, but answered
        if (streaming_) emit(Kind::following, state_.flushed);
        if (told_ == Told::lost) emit(Kind::lost_peer, state_.flushed);
        return;
    }
    state_.way.clear();
    may_lead_ = false;
    take_duty(Duty::follow, follow_steps());
}

Task<> ManagedStore::Impl::follow_steps()
{
    repairs_ = 0;
    for (;;) {
        if (!layout_.has_cluster()) co_await copy("this node has no store yet");
        if (layout_.is_torn()) co_await copy("a rewind of this node was interrupted");
        if (server_.kind() == Server::Kind::standby && server_.running()) {
            co_await server_.wait_ready(role_);
        } else {
            co_await start_standby();
        }
        if (trouble_ == Sign::none) co_await follow_until_trouble();
        co_await repair();
    }
}

/// Leaves `trouble_` set where a repair may help; throws where it would not.
Task<> ManagedStore::Impl::start_standby()
{
    doing("starting as standby");
    co_await server_.end(role_);
    trouble_ = Sign::none;
    disk_full_ = false;
    server_.apply(tuned(false, false));
    try {
        co_await server_.start(role_, Server::Kind::standby);
        failed_starts_ = 0;
    } catch (const std::exception& error) {
        ++failed_starts_;
        if (trouble_ == Sign::none && (disk_full_ || failed_starts_ < failed_starts_max)) throw;
        if (trouble_ == Sign::none) trouble_line_ = error.what();
        if (trouble_ == Sign::none) trouble_ = Sign::broken;
    }
}

Task<> ManagedStore::Impl::follow_until_trouble()
{
    stream_lost_at_ = event::Loop::now();
    doing("connecting to the primary");
    while (trouble_ == Sign::none) {
        try {
            co_await look_at_stream();
        } catch (const pg::Error& error) { // crash of a backend: postgres restarts by itself
            streaming_ = false;
            doing(error.what());
        }
        if (streaming_ && (told_ != Told::following || told_pid_ != stream_pid_)) {
            if (state_.way.empty())
                choose("streaming",
                       "this node holds nothing that the master does not have, and the "
                       "master still has the log from where it stopped");
            repairs_ = salvage_failures_ = 0;
            layout_.clear_led();
            told_ = Told::following;
            told_pid_ = stream_pid_;
            emit(Kind::following, state_.flushed);
            after_.start(tidy_standby());
        }
        const auto now = event::Loop::now();
        if (streaming_) stream_lost_at_ = now;
        if (!streaming_) lost_stream();
        co_await role_.sleep(streaming_ ? pace_.pause_of_standby(now) : 10ms);
    }
}

Task<> ManagedStore::Impl::look_at_stream()
{
    const auto result =
        co_await ask(role_, control(), receiver_sql, values(std::to_string(stream_pid_)));
    const auto row = result[0];
    const auto before = state_.flushed;
    state_.written = row.maybe_lsn(0);
    state_.replayed = row.maybe_lsn(1);
    state_.flushed = std::max(row.maybe_lsn(2), state_.replayed);
    state_.address = row.maybe_text(3).value_or("");
    state_.link = link_of(state_.address);
    state_.timeline = static_cast<std::uint32_t>(row.maybe_integer(5).value_or(0));
    if (before != state_.flushed) {
        emit(Kind::progress, state_.flushed);
        pace_.stir(event::Loop::now());
    }
    // What an old primary has too much shows at the fork of the timelines; the receiver fetches the
    // newest history before it streams, and passes the fork only when all is well.
    streaming_ = row.boolean(4) && state_.timeline >= history_files_.newest();
    state_.streaming = streaming_;
    if (!streaming_) {
        pace_.stir(event::Loop::now());
        co_return;
    }
    doing(fmt::format("streaming from {}", state_.address));
    auto tuning = server_.tuning();
    tuning.peer_away = false;
    server_.apply(tuning);
}

void ManagedStore::Impl::lost_stream()
{
    const auto now = event::Loop::now();
    if (told_ != Told::lost && now - stream_lost_at_ > patience) {
        told_ = Told::lost;
        doing("the primary does not answer");
        emit(Kind::lost_peer, state_.flushed);
    }
    if (now - stream_lost_at_ < away_after || server_.tuning().peer_away) return;
    auto tuning = server_.tuning();
    tuning.peer_away = true;
    server_.apply(tuning);
}

/// A slot that this node held for the other while it was primary would keep WAL for ever; the old
/// copy of a cluster is not needed once the new one streams.
Task<> ManagedStore::Impl::tidy_standby()
{
    co_await ask(after_, server_.sessions().slow,
                 "select pg_drop_replication_slot(slot_name) from pg_replication_slots "
                 "where not active and slot_type = 'physical' and slot_name like 'roleswap\\_%'");
    std::vector<std::string> argv{"/bin/rm", "-rf", "--"};
    for (const auto& folder : layout_.waste()) argv.push_back(folder);
    if (argv.size() > 3) co_await server_.run(after_, argv);
}

} // namespace roleswap::store
