// Before the history of this node is given up for the other's: what only this node holds is read
// from its cluster, started alone, and written to a file.
#include "store/divergence.hpp"
#include "store/managed_impl.hpp"
#include "store/spool.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::store {

using namespace std::chrono_literals;

namespace {

/// The server could not be read so often: nobody waits any longer.
constexpr int attempts_max = 2;

std::string file_stem(std::uint32_t timeline, base::Lsn from)
{
    auto position = base::to_string(from);
    std::ranges::replace(position, '/', '-');
    return fmt::format("{}-{}", timeline, position);
}

std::string replaced(std::string text, std::string_view word, const std::string& by)
{
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size()))
        text.replace(at, word.size(), by);
    return text;
}

/// The tables are made after a store has begun to lead: perhaps never.
bool nothing_made(const pg::Error& error)
{
    return error.sqlstate() == "3F000" || error.sqlstate() == "42P01";
}

} // namespace

/// True when nothing is lost by overwriting the cluster.
Task<bool> ManagedStore::Impl::salvage()
{
    if (salvage_failures_ >= attempts_max || options_.keepsakes.empty())
        co_return options_.keepsakes.empty();
    std::string trouble;
    salvaging_ = true;
    try {
        co_await salvage_once();
    } catch (const std::exception& error) {
        trouble = error.what();
    }
    salvaging_ = false;
    co_await server_.end(role_);
    trouble_ = Sign::none; // what it logged is none of a standby's
    if (trouble.empty()) {
        layout_.clear_led();
        co_return true;
    }
    note("history-unreadable", trouble);
    if (disk_full_) throw std::runtime_error(trouble);
    ++salvage_failures_;
    co_return co_await salvage();
}

Task<> ManagedStore::Impl::salvage_once()
{
    doing("reading what only this node holds");
    co_await server_.end(role_);
    disk_full_ = false;
    co_await server_.start(role_, Server::Kind::isolated);
    const auto result = co_await ask(role_, control(),
                                     "select timeline_id, pg_current_wal_insert_lsn() "
                                     "from pg_control_checkpoint()");
    const auto timeline = static_cast<std::uint32_t>(result[0].integer(0));
    const auto end = result[0].lsn(1);
    const auto fork = left_at(peer_history_, timeline);
    const auto since = co_await first_unknown(timeline, fork, end);
    if (since == "none") co_return;
    Spool spool(layout_.spool(), file_stem(timeline, fork.value_or(base::Lsn{})));
    co_await read_keepsakes(spool, since);
    if (spool.lines() == 0) co_return;
    spool.finish();
    note("history-found",
         fmt::format("{} rows that the other node may not know, of timeline {} from {} to {}, are "
                     "kept for it",
                     spool.lines(), timeline, fork ? base::to_string(*fork) : "its begin",
                     base::to_string(end)));
}

/// An SQL expression for the first transaction that the other node does not have, NULL when that
/// is not known; "none" when it has them all.
Task<std::string> ManagedStore::Impl::first_unknown(std::uint32_t timeline,
                                                    std::optional<base::Lsn> fork, base::Lsn end)
{
    if (!fork) co_return "NULL::xid";
    if (end <= *fork) co_return "none";
    CommitReader commits;
    std::vector<std::string> argv{
        server_.program("pg_waldump"),          "--path=" + (layout_.cluster() / "pg_wal").string(),
        fmt::format("--timeline={}", timeline), "--start=" + base::to_string(*fork),
        "--end=" + base::to_string(end),        "--rmgr=Transaction"};
    const auto ended = co_await server_.run(
        role_, std::move(argv), [&commits](std::string_view text) { commits.feed(text); });
    if (!ended.ok()) { // its log is gone: then everything is compared
        note("history", fmt::format("all runs are compared: {}", ended.describe()));
        co_return "NULL::xid";
    }
    if (commits.commits() == 0) co_return "none";
    co_return fmt::format("'{}'::xid", commits.first());
}

Task<bool> ManagedStore::Impl::has_table(pg::Connection& session, std::string table)
{
    if (table.empty()) co_return true;
    const auto there =
        co_await ask(role_, session, "select to_regclass($1) is not null", values(table));
    co_return there[0].boolean(0);
}

/// By a cursor: output of many runs may be more than the memory takes.
Task<> ManagedStore::Impl::read_keepsakes(Spool& spool, std::string since)
{
    const auto there = co_await ask(role_, control(), "select from pg_database where datname = $1",
                                    values(database));
    if (there.empty()) co_return;
    pg::Connection session(loop_, {server_.conninfo(database), 5s, 0s, 0s});
    session.connect();
    const char* whole = since.starts_with("NULL") ? "\"whole\":true," : "";
    try {
        co_await ask(role_, session, "begin");
        for (const auto& keepsake : options_.keepsakes) {
            if (!co_await has_table(session, keepsake.table)) continue;
            auto sql = replaced(keepsake.sql, "{since}", since);
            co_await ask(role_, session, "declare kept no scroll cursor for " + sql);
            for (;;) {
                const auto rows = co_await ask(role_, session, "fetch 100 from kept");
                if (rows.empty()) break;
                for (std::size_t i = 0; i < rows.rows(); ++i)
                    spool.add(fmt::format("{{\"kind\":\"{}\",{}\"row\":{}}}", keepsake.kind, whole,
                                          rows[i].text(0)));
            }
            co_await ask(role_, session, "close kept");
        }
    } catch (const pg::Error& error) {
        if (!nothing_made(error)) throw;
    }
}

} // namespace roleswap::store
