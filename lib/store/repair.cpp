// What a standby needs when it cannot simply stream: pg_rewind, or a copy of the whole cluster.
#include "store/managed_impl.hpp"
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

namespace roleswap::store {

using namespace std::chrono_literals;

namespace {

double seconds_since(event::Duration start)
{
    return std::chrono::duration<double>(event::Loop::now() - start).count();
}

/// The programs say what is wrong in a line of its own, and hints after it.
std::string failure_of(const event::Ended& ended)
{
    const auto at = ended.output.rfind("error: ");
    if (at == std::string::npos) return ended.describe();
    return ended.output.substr(at, ended.output.find('\n', at) - at);
}

} // namespace

std::string ManagedStore::Impl::peer_text(const char* dbname) const
{
    return fmt::format("{} application_name=roleswap_repair dbname={}",
                       peer_conninfo(options_, layout_, server_.tuning().link_order), dbname);
}

/// A rewind is tried once; whatever still is wrong after it needs a copy.
Task<> ManagedStore::Impl::repair()
{
    const auto trouble = std::exchange(trouble_, Sign::none);
    const bool rewindable = trouble == Sign::diverged && repairs_ == 0;
    ++repairs_;
    if (told_ == Told::following) emit(Kind::lost_peer, state_.flushed);
    streaming_ = false;
    told_ = Told::nothing;
    note(trouble == Sign::diverged ? "diverged" : "needs-copy", trouble_line_);
    bool rewound = false;
    if (rewindable) rewound = co_await rewind();
    if (!rewound) co_await copy();
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
    peer_.reset();
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
    co_await wait_for_primary();
    co_await server_.end(role_);
    const auto start = event::Loop::now();
    doing("rewinding to the new primary's history");
    note("rewind-started", "this node holds commits that the new primary does not have");
    layout_.mark_torn();
    layout_.mark_primary(); // its single-user recovery refuses a standby
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
    note("rewind-failed", failure_of(ended));
    co_return false;
}

Task<> ManagedStore::Impl::copy()
{
    co_await server_.end(role_);
    const auto start = event::Loop::now();
    server_.write_files();
    note("base-backup-started", "copying the whole store from the primary");
    event::Duration pause = 100ms;
    for (;;) {
        const bool copied = co_await copy_once();
        if (copied) break;
        co_await role_.sleep(pause);
        pause = std::min<event::Duration>(pause * 2, 2s);
    }
    co_await server_.sync(role_, layout_.fresh());
    layout_.exchange();
    note("base-backup-done",
         fmt::format("{:.1f} s, {} bytes", seconds_since(start), state_.copy_bytes_total));
    state_.copy_done = 0;
    state_.copy_bytes = state_.copy_bytes_total = 0;
}

Task<bool> ManagedStore::Impl::copy_once()
{
    const auto fresh = layout_.fresh().string();
    std::vector<std::string> clean{"/bin/rm", "-rf", "--", fresh};
    co_await server_.run(role_, std::move(clean));
    std::vector<std::string> argv{server_.program("pg_basebackup"),
                                  "--pgdata=" + fresh,
                                  "--dbname=" + peer_text("replication"),
                                  "--wal-method=stream",
                                  "--slot=" + slot_name(options_.name),
                                  "--checkpoint=fast",
                                  "--progress",
                                  "--no-sync"};
    copy_line_.clear();
    const auto ended = co_await server_.run(role_, std::move(argv),
                                            [this](std::string_view text) { copy_progress(text); });
    if (ended.ok()) co_return true;
    const auto why = fmt::format("cannot copy the store from the primary: {}", failure_of(ended));
    if (why != state_.detail) note("base-backup-failed", why);
    doing(why);
    co_return false;
}

/// "  12345/67890 kB (18%), 0/1 tablespace", each ended by a carriage return or a newline.
void ManagedStore::Impl::copy_progress(std::string_view text)
{
    for (const char letter : text) {
        if (letter != '\r' && letter != '\n') {
            copy_line_ += letter;
            continue;
        }
        const auto line = std::exchange(copy_line_, {});
        unsigned long long done = 0;
        unsigned long long total = 0;
        if (std::sscanf(line.c_str(), " %llu/%llu kB", &done, &total) != 2 || total == 0) continue;
        state_.copy_bytes = done * 1024;
        state_.copy_bytes_total = total * 1024;
        state_.copy_done = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
        doing(fmt::format("copying the store: {} of {} kB", done, total));
    }
}

} // namespace roleswap::store
