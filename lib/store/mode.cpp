// ManagedStore::set_mode, freeze and thaw: who must have a commit, and whether there are any.
#include "store/managed_impl.hpp"
#include <fmt/format.h>

namespace roleswap::store {

using namespace std::chrono_literals;

namespace {

constexpr event::Duration freeze_max = 500ms;
/// The peer must be so near before commits start to wait for it.
constexpr std::int64_t near_bytes = 4 << 20;

} // namespace

void ManagedStore::Impl::set_mode(core::Mode mode)
{
    freeze_limit_.stop();
    take_mode(mode_steps(mode));
}

/// Who waits to hear that the store is thawed does so whatever else is ordered.
Task<> ManagedStore::Impl::mode_steps(core::Mode mode)
{
    if (thaw_owed_) co_await thaw_steps(Kind::thawed);
    if (mode == core::Mode::mirrored)
        co_await mirrored_steps();
    else
        co_await alone_steps();
}

void ManagedStore::Impl::mode_failed(const std::string& why)
{
    note("mode-failed", why);
}

/// The postmaster reads its configuration before it tells its children, so what our session sees,
/// every later session sees.
Task<> ManagedStore::Impl::wait_setting(std::string name, std::string value)
{
    for (;;) {
        const auto result =
            co_await ask(mode_, control(), "select current_setting($1)", values(name));
        if (result[0].text(0) == value) co_return;
        co_await mode_.sleep(300us);
    }
}

/// Goes on through restarts of the server until it is superseded.
Task<> ManagedStore::Impl::mirrored_steps()
{
    for (;;) {
        try {
            co_await mirrored_once();
            co_return;
        } catch (const std::runtime_error& error) {
            doing(fmt::format("waiting for the standby: {}", error.what()));
        }
        co_await mode_.sleep(20ms);
    }
}

Task<> ManagedStore::Impl::mirrored_once()
{
    // Not before the peer is near: from then on commits wait for it.
    for (;;) {
        const auto result = co_await ask(
            mode_, control(),
            "select from pg_stat_replication where application_name = $1 and state = 'streaming' "
            "and pg_current_wal_flush_lsn() - flush_lsn <= $2::bigint",
            values(peer_name_, std::to_string(near_bytes)));
        if (!result.empty()) break;
        co_await mode_.sleep(10ms);
    }
    server_.apply(tuned(true, server_.tuning().frozen));
    co_await wait_setting("synchronous_standby_names", pg::quote_identifier(options_.peer_name));
    // Commits look at a flag that the checkpointer sets when it reads the configuration
    // (SyncRepUpdateSyncStandbysDefined).  It reads it before it begins a checkpoint; the first
    // may have begun just before it was told, the second has not.
    co_await ask(mode_, server_.sessions().slow, "checkpoint");
    co_await ask(mode_, server_.sessions().slow, "checkpoint");
    const auto result = co_await ask(mode_, control(), "select pg_current_wal_flush_lsn()");
    const auto position = result[0].lsn(0);
    for (bool flushed = false; !flushed;) {
        flushed = co_await peer_flushed(position, true);
        if (!flushed) co_await mode_.sleep(1ms);
    }
    emit(Kind::in_sync, position);
}

Task<bool> ManagedStore::Impl::peer_flushed(base::Lsn position, bool in_sync)
{
    const auto result =
        co_await ask(mode_, control(),
                     "select flush_lsn >= $2::pg_lsn, sync_state in ('sync', 'quorum') from "
                     "pg_stat_replication where application_name = $1 and flush_lsn is not null",
                     values(peer_name_, base::to_string(position)));
    bool flushed = false;
    for (std::size_t i = 0; i < result.rows(); ++i)
        flushed = flushed || (result[i].boolean(0) && (!in_sync || result[i].boolean(1)));
    co_return flushed;
}

Task<> ManagedStore::Impl::alone_steps()
{
    server_.apply(tuned(false, server_.tuning().frozen));
    for (;;) {
        if (!leading_ || !server_.running()) break; // it starts alone
        try {
            co_await wait_setting("synchronous_standby_names", "");
            break;
        } catch (const std::runtime_error& error) {
            doing(fmt::format("going alone: {}", error.what()));
        }
        co_await mode_.sleep(5ms);
    }
    if (leading_) doing("primary");
    emit(Kind::alone);
}

void ManagedStore::Impl::freeze()
{
    freeze_limit_.start_in(freeze_max);
    thaw_owed_ = false;
    take_mode(freeze_steps());
}

void ManagedStore::Impl::freeze_too_slow()
{
    note("freeze-failed", "the standby did not hold everything within 500 ms");
    take_mode(thaw_steps(Kind::freeze_failed));
}

/// A session may still ask for a writing transaction by name; in mode mirrored its commit waits for
/// the standby like any other, so nothing is acknowledged that the next primary does not hold.
Task<> ManagedStore::Impl::freeze_steps()
{
    server_.apply(tuned(server_.tuning().require_peer, true));
    bool frozen = false;
    base::Lsn position;
    try {
        co_await wait_setting("default_transaction_read_only", "on");
        position = co_await end_client_sessions();
        while (!frozen) {
            frozen = co_await peer_flushed(position, false);
            if (!frozen) co_await mode_.sleep(300us);
        }
    } catch (const std::runtime_error& error) {
        note("freeze-failed", error.what());
    }
    freeze_limit_.stop();
    if (frozen)
        emit(Kind::frozen, position);
    else
        co_await thaw_steps(Kind::freeze_failed);
}

/// Everybody but ourselves, the work engine too; they may come back and read.  Returns the end of
/// the WAL, flushed.
Task<base::Lsn> ManagedStore::Impl::end_client_sessions()
{
    auto& sessions = server_.sessions();
    const auto own = fmt::format("{{{},{},{}}}", sessions.control.backend_pid(),
                                 sessions.watch.backend_pid(), sessions.slow.backend_pid());
    for (;;) {
        const auto result = co_await ask(
            mode_, control(),
            "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client "
            "backend' and pid <> all($1::int[])",
            values(own));
        if (result.empty()) break;
        co_await mode_.sleep(300us);
    }
    // Our commits are local ones, so this flushes without waiting for the standby.
    co_await ask(mode_, control(), "select pg_logical_emit_message(true, 'roleswap', 'freeze')");
    const auto result = co_await ask(mode_, control(), "select pg_current_wal_flush_lsn()");
    co_return result[0].lsn(0);
}

void ManagedStore::Impl::thaw()
{
    freeze_limit_.stop();
    thaw_owed_ = true;
    take_mode(thaw_steps(Kind::thawed));
}

Task<> ManagedStore::Impl::thaw_steps(Kind answer)
{
    server_.apply(tuned(server_.tuning().require_peer, false));
    for (;;) {
        if (!leading_ || !server_.running()) break; // it starts thawed
        try {
            co_await wait_setting("default_transaction_read_only", "off");
            break;
        } catch (const std::runtime_error& error) {
            doing(fmt::format("thawing: {}", error.what()));
        }
        co_await mode_.sleep(5ms);
    }
    emit(answer);
}

} // namespace roleswap::store
