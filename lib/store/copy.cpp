// A copy of the whole cluster: only where there is room for it, complete or not at all.
#include "store/copy_plan.hpp"
#include "store/managed_impl.hpp"
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

namespace roleswap::store {

using namespace std::chrono_literals;

namespace {

constexpr event::Duration rate_sample = 300ms;
constexpr event::Duration room_poll = 1s;

} // namespace

std::string ManagedStore::Impl::not_ours(const char* remedy) const
{
    const auto& external = *options_.external;
    return fmt::format("{}: {} holds data and was not taken as the store of this node: see {}",
                       external.unit, external.data.string(), remedy);
}

Task<> ManagedStore::Impl::copy(std::string why)
{
    if (!layout_.is_ours()) throw std::runtime_error(not_ours("roleswap join --replace-data"));
    co_await server_.end(role_);
    server_.write_files();
    choose("full copy", std::move(why));
    event::Duration pause = 100ms;
    event::Duration start{0};
    copy_trouble_.clear();
    copy_sample_.reset();
    for (;;) {
        co_await remove_fresh();
        co_await wait_for_room();
        start = event::Loop::now();
        const bool copied = co_await copy_once();
        if (copied) break;
        co_await role_.sleep(pause);
        pause = std::min<event::Duration>(pause * 2, 2s);
    }
    co_await server_.sync(role_, layout_.fresh());
    layout_.exchange();
    layout_.clear_led(); // read, or put aside, before
    note("base-backup-done", fmt::format("{:.1f} s, {} bytes, checked against its manifest",
                                         seconds_since(start), state_.copy_bytes_total));
    save_copy_rates(start);
    copy_first_.reset();
    state_.copy_done = state_.copy_rate = 0;
    state_.copy_bytes = state_.copy_bytes_total = 0;
}

/// What an interrupted copy left.
Task<> ManagedStore::Impl::remove_fresh()
{
    std::vector<std::string> clean{"/bin/rm", "-rf", "--", layout_.fresh().string()};
    co_await server_.run(role_, std::move(clean));
}

/// Refused before the first byte, and looked at again and again: somebody may make room.
Task<> ManagedStore::Impl::wait_for_room()
{
    bool told = false;
    for (;;) {
        auto plan = co_await plan_copy();
        const auto free = layout_.free_bytes();
        // Not before there is room: the sample writes, too.
        if (free >= plan.needed()) co_await sample_rates(plan);
        peer_.reset();
        if (free >= plan.needed()) {
            state_.refused.clear();
            // One that begins again after the same trouble is not told again.
            if (copy_trouble_.empty()) note("base-backup-started", plan.estimate());
            copy_plan_ = plan;
            co_return;
        }
        state_.refused = plan.refusal(free, layout_.cluster().parent_path().string());
        doing(state_.refused);
        if (!std::exchange(told, true)) note("copy-refused", state_.refused);
        co_await role_.sleep(room_poll);
    }
}

/// Throws where the master's store has another version than ours.
void ManagedStore::Impl::refuse_version(int there)
{
    const int here = major_version(options_.bin_dir);
    if (here == 0 || here == there) return;
    throw std::runtime_error(fmt::format(
        "PostgreSQL has version {} on the master and {} in {} here; a mirror needs the same: "
        "install it here, or set {}",
        there, here, options_.bin_dir,
        options_.external ? "another store_unit" : "[store] bin_dir"));
}

/// Size of the master's store, and how much log it writes; its connection stays open.
Task<CopyPlan> ManagedStore::Impl::plan_copy()
{
    doing("asking the master for the size of its store");
    CopyPlan plan;
    peer_ = std::make_unique<pg::Connection>(
        loop_, pg::Options{peer_text("postgres"), 3s, 50ms, 500ms},
        pg::Callbacks{.on_down = [this](const std::string& why) {
            doing(fmt::format("waiting for the master's store: {}", why));
        }});
    peer_->connect();
    for (;;) {
        while (!peer_->up()) co_await role_.sleep(20ms);
        try {
            co_await measure_peer(plan);
            break;
        } catch (const pg::Error& error) { // in recovery, or gone again
            doing(fmt::format("waiting for the master's store: {}", error.what()));
        }
        co_await role_.sleep(100ms);
    }
    load_copy_rates(plan);
    co_return plan;
}

Task<> ManagedStore::Impl::measure_peer(CopyPlan& plan)
{
    constexpr const char* sql =
        "select pg_tablespace_size('pg_default'), pg_current_wal_insert_lsn(), "
        "current_setting('server_version_num')::int / 10000";
    const auto before = co_await ask(role_, *peer_, sql);
    refuse_version(static_cast<int>(before[0].integer(2)));
    const auto start = event::Loop::now();
    co_await role_.sleep(rate_sample);
    const auto after = co_await ask(role_, *peer_, sql);
    plan.data = static_cast<std::uint64_t>(after[0].integer(0));
    plan.wal_rate = static_cast<double>(base::distance(before[0].lsn(1), after[0].lsn(1))) /
                    seconds_since(start);
}

Task<bool> ManagedStore::Impl::copy_once()
{
    const auto fresh = layout_.fresh().string();
    std::vector<std::string> argv{server_.program("pg_basebackup"),
                                  "--pgdata=" + fresh,
                                  "--dbname=" + peer_text("replication"),
                                  "--wal-method=stream",
                                  "--slot=" + slot_name(options_.name),
                                  "--checkpoint=fast",
                                  "--progress",
                                  "--no-sync"};
    copy_line_.clear();
    copy_first_.reset();
    copy_checks_at_.reset();
    auto ended = co_await server_.run(role_, std::move(argv),
                                      [this](std::string_view text) { copy_progress(text); });
    if (ended.ok()) {
        doing("checking the copy against its manifest");
        copy_checks_at_ = event::Loop::now();
        std::vector<std::string> check{server_.program("pg_verifybackup"), "--quiet", fresh};
        ended = co_await server_.run(role_, std::move(check));
        if (ended.ok()) co_return true;
    }
    copy_failed(copy_checks_at_ ? "the copy is not what the primary has"
                                : "cannot copy the store from the primary",
                failure_of(ended));
    co_return false;
}

/// It begins again; what goes on is told once, however the connection says it.
void ManagedStore::Impl::copy_failed(const std::string& what, const std::string& why)
{
    copy_first_.reset(); // of the next one nothing is known yet
    copy_checks_at_.reset();
    doing(fmt::format("{}: {}", what, why));
    if (std::exchange(copy_trouble_, what) == what) return;
    note("base-backup-failed", fmt::format("{}: {}; it begins again by itself", what, why));
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
        state_.copy_bytes_total = std::max(total, done) * 1024;
        state_.copy_done = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
        doing(fmt::format("copying the store: {} of {} kB", done, total));
        look_at_rate();
    }
}

} // namespace roleswap::store
