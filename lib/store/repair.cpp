// What a standby needs when it cannot simply stream: pg_rewind, or a copy (copy.cpp).
#include "store/managed_impl.hpp"
#include <fmt/format.h>

namespace roleswap::store {

using namespace std::chrono_literals;

/// The programs say what is wrong in a line of its own, and hints after it.
std::string failure_of(const event::Ended& ended)
{
    const auto at = ended.output.rfind("error: ");
    if (at == std::string::npos) return ended.describe();
    return ended.output.substr(at, ended.output.find('\n', at) - at);
}

/// A disk that takes nothing for some seconds, as one does that is written to as fast as it goes,
/// is no dead line: of that the keepalives tell.
std::string ManagedStore::Impl::peer_text(const char* dbname) const
{
    constexpr const char* copy_patience = "-c wal_sender_timeout=30s -c tcp_user_timeout=30s";
    return fmt::format("{} application_name={} dbname={} options='{}'",
                       peer_conninfo(options_, layout_, server_.tuning().link_order),
                       repair_application, dbname, copy_patience);
}

/// How this node becomes a standby, for people: event and status.
void ManagedStore::Impl::choose(const char* way, std::string why)
{
    state_.way = way;
    state_.way_why = std::move(why);
    note("rejoin", fmt::format("{}: {}", way, state_.way_why));
}

/// A rewind is tried once; whatever still is wrong after it needs a copy.
Task<> ManagedStore::Impl::repair()
{
    const auto trouble = std::exchange(trouble_, Sign::none);
    const bool first = repairs_++ == 0;
    if (told_ == Told::following) emit(Kind::lost_peer, state_.flushed);
    streaming_ = false;
    told_ = Told::nothing;
    const bool diverged = trouble == Sign::diverged && first;
    note(trouble == Sign::diverged ? "diverged" : "needs-copy", trouble_line_);
    if (diverged) co_await wait_for_primary();
    bool kept = true;
    if (layout_.has_led() || diverged || (first && trouble == Sign::foreign))
        kept = co_await salvage();
    bool rewound = false;
    if (diverged && kept) rewound = co_await rewind();
    if (rewound) co_return;
    if (!kept) keep_aside();
    co_await copy(why_copy(trouble));
}

/// Nothing that might hold results is thrown away unread.
void ManagedStore::Impl::keep_aside()
{
    const auto place = layout_.keep_aside();
    note("history-kept-aside",
         fmt::format("what only this node holds could not be read; its old store stays in {} until "
                     "somebody removes it",
                     place.string()));
}

std::string ManagedStore::Impl::why_copy(Sign trouble) const
{
    if (!layout_.has_cluster()) return "the old store of this node was put aside unread";
    switch (trouble) {
    case Sign::foreign:
        return "the store of this node was made on its own and shares no history with the master's";
    case Sign::wal_missing:
        return "the master has no longer the log from where this node stopped";
    case Sign::broken:
        return fmt::format("the store of this node cannot be started: {}", trouble_line_);
    default:
        return rewind_trouble_.empty() ? "a rewind did not help"
                                       : "a rewind failed: " + rewind_trouble_;
    }
}

/// Until its first checkpoint on a new timeline a primary looks to pg_rewind as if it were still on
/// the old one.
Task<> ManagedStore::Impl::wait_for_primary()
{
    doing("waiting for the new primary's checkpoint");
    peer_ = std::make_unique<pg::Connection>(
        loop_, pg::Options{peer_text("postgres"), 3s, 50ms, 500ms},
        pg::Callbacks{.on_down = [this](const std::string& why) {
            doing(fmt::format("waiting for the new primary: {}", why));
        }});
    peer_->connect();
    for (;;) { // g++ 12 cannot await in the condition of a loop
        const bool ready = co_await peer_is_ready(*peer_);
        if (ready) break;
        co_await role_.sleep(20ms);
    }
    peer_history_ = co_await read_peer_history(*peer_);
    peer_.reset();
}

/// Text of its newest history file; empty on the first timeline, or where it cannot be read: then
/// nothing is known of where the two parted.
Task<std::string> ManagedStore::Impl::read_peer_history(pg::Connection& peer)
{
    try {
        const auto result =
            co_await ask(role_, peer,
                         "select case t when 1 then '' else convert_from(pg_read_binary_file("
                         "'pg_wal/' || lpad(upper(to_hex(t)), 8, '0') || '.history'), 'UTF8') end "
                         "from (select timeline_id as t from pg_control_checkpoint()) as control");
        co_return std::string(result[0].text(0));
    } catch (const pg::Error& error) {
        note("history", fmt::format("the master's timelines cannot be read: {}", error.what()));
    }
    co_return std::string();
}

Task<bool> ManagedStore::Impl::peer_is_ready(pg::Connection& peer)
{
    if (!peer.up()) co_return false;
    try {
        const auto result = co_await ask(
            role_, peer,
            "select not pg_is_in_recovery() and (select timeline_id from pg_control_checkpoint()) "
            "= ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int");
        co_return result[0].boolean(0);
    } catch (const pg::Error& error) { // still in recovery, or gone again
        doing(fmt::format("waiting for the new primary: {}", error.what()));
    }
    co_return false;
}

Task<bool> ManagedStore::Impl::rewind()
{
    co_await server_.end(role_);
    rewind_trouble_.clear();
    const auto start = event::Loop::now();
    doing("rewinding to the new primary's history");
    choose("rewind", "this node holds commits that the new master does not have, and the log since "
                     "the two parted is still here");
    note("rewind-started", "this node holds commits that the new primary does not have");
    layout_.mark_torn();
    layout_.mark_primary(); // its single-user recovery refuses a standby
    // That recovery wants a configuration in the cluster, where Debian's clusters have none.
    const auto conf = layout_.cluster() / "postgresql.conf";
    if (!std::filesystem::exists(conf)) layout_.write(conf, "", 0600);
    std::vector<std::string> argv{server_.program("pg_rewind"), "-D",
                                  layout_.cluster().string(),   "--source-server",
                                  peer_text("postgres"),        "--no-sync"};
    const auto ended = co_await server_.run(role_, std::move(argv));
    // Exit code 0 with "no rewind required" is no rewind.
    if (ended.ok() && ended.output.find("Done!") != std::string::npos) {
        co_await server_.sync(role_, layout_.cluster());
        layout_.clear_torn();
        note("rewind-done", fmt::format("{:.1f} s", seconds_since(start)));
        co_return true;
    }
    rewind_trouble_ = ended.ok() ? "pg_rewind saw nothing to rewind" : failure_of(ended);
    note("rewind-failed", rewind_trouble_);
    co_return false;
}

} // namespace roleswap::store
