// ManagedStore::lead: a primary that accepts writes.
#include "store/managed_impl.hpp"
#include <array>
#include <fmt/format.h>

namespace roleswap::store {

namespace {

/// The second where the first is not installed.
constexpr std::array locales{"--locale=C.UTF-8", "--locale=C"};

/// What pg_rewind may call without being superuser (manual, pg_rewind, "Notes").
constexpr std::array rewind_functions{"pg_ls_dir(text, boolean, boolean)",
                                      "pg_stat_file(text, boolean)", "pg_read_binary_file(text)",
                                      "pg_read_binary_file(text, bigint, bigint, boolean)"};

} // namespace

void ManagedStore::Impl::lead()
{
    take_duty(Duty::lead, lead_steps());
}

Task<> ManagedStore::Impl::lead_steps()
{
    if (layout_.is_torn())
        throw std::runtime_error("the store is half rewound: it can only follow the other node");
    const bool fresh = !layout_.has_cluster();
    if (fresh && options_.external) throw std::runtime_error(not_ours("roleswap init"));
    if (fresh) co_await create_cluster();
    // Nobody is required before it takes its first commit.
    auto tuning = tuned(false, false);
    tuning.peer_away = false;
    server_.apply(tuning);
    doing("becoming primary");
    if (server_.running()) {
        co_await server_.wait_ready(role_);
    } else {
        co_await server_.end(role_);
        disk_full_ = false;
        const bool standby = !fresh && layout_.is_standby();
        // Without a promotion two histories would share a timeline.
        if (!standby) may_lead_ = true;
        co_await server_.start(role_, standby ? Server::Kind::standby : Server::Kind::primary);
    }
    const bool standby = server_.kind() == Server::Kind::standby;
    may_lead_ = true;
    if (standby)
        co_await server_.promote(role_);
    else
        co_await create_objects();
    const auto result = co_await ask(role_, control(), "select pg_current_wal_insert_lsn()");
    leading_ = true;
    state_.written = result[0].lsn(0);
    state_.streaming = false;
    state_.peer_flushed = {};
    state_.pending.reset();
    doing("primary");
    state_.way.clear();
    state_.way_why.clear();
    emit(Kind::primary, state_.written);
    after_.start(after_lead_steps());
    watch_.start(watch_primary());
}

Task<> ManagedStore::Impl::create_cluster()
{
    co_await server_.end(role_);
    doing("making a new store");
    event::Ended ended;
    for (const char* locale : locales) {
        std::vector<std::string> clean{"/bin/rm", "-rf", "--", layout_.fresh().string()};
        co_await server_.run(role_, std::move(clean));
        std::vector<std::string> argv{server_.program("initdb"),
                                      "-D",
                                      layout_.fresh().string(),
                                      "-U",
                                      superuser,
                                      "--data-checksums",
                                      "--wal-segsize=1",
                                      "-E",
                                      "UTF8",
                                      locale,
                                      "--auth=peer",
                                      "--no-instructions",
                                      "--no-sync"};
        ended = co_await server_.run(role_, std::move(argv));
        if (ended.ok()) break;
    }
    if (!ended.ok()) throw std::runtime_error("initdb failed: " + ended.describe());
    co_await server_.sync(role_, layout_.fresh());
    layout_.exchange();
    note("store-created", layout_.cluster().string());
}

/// Database and replication role.
Task<> ManagedStore::Impl::create_objects()
{
    auto result = co_await ask(role_, control(), "select from pg_roles where rolname = $1",
                               values(replica_role));
    if (!result.empty() && options_.external) // perhaps of a pair of before
        co_await ask(role_, control(),
                     fmt::format("alter role {} password {}", pg::quote_identifier(replica_role),
                                 pg::quote_literal(options_.replication_password)));
    if (result.empty()) {
        const auto role = pg::quote_identifier(replica_role);
        std::vector<std::string> statements;
        statements.push_back(fmt::format("create role {} login replication password {}", role,
                                         pg::quote_literal(options_.replication_password)));
        for (const char* function : rewind_functions)
            statements.push_back(fmt::format("grant execute on function {} to {}", function, role));
        for (auto& statement : statements) co_await ask(role_, control(), std::move(statement));
    }
    if (options_.distribution) co_await create_distribution_role();
    result = co_await ask(role_, control(), "select from pg_database where datname = $1",
                          values(database));
    if (result.empty())
        co_await ask(role_, control(),
                     fmt::format("create database {}", pg::quote_identifier(database)));
}

/// The tools of postgresql-common log in as this role, locally, on a node with an external store.
Task<> ManagedStore::Impl::create_distribution_role()
{
    const auto there = co_await ask(role_, control(), "select from pg_roles where rolname = $1",
                                    values("postgres"));
    if (there.empty()) co_await ask(role_, control(), "create role postgres superuser login");
}

/// Work goes on meanwhile.  The slots let the other nodes come back; the checkpoint lets them
/// rewind.
Task<> ManagedStore::Impl::after_lead_steps()
{
    layout_.mark_led();
    auto& session = server_.sessions().slow;
    co_await make_slots(after_, session);
    co_await ask(after_, session,
                 "select pg_drop_replication_slot(slot_name) from pg_replication_slots "
                 "where not active and slot_type = 'physical' and slot_name like 'roleswap\\_%' "
                 "and slot_name <> all($1::name[])",
                 values(fmt::format("{{{}}}", fmt::join(slots(), ","))));
    co_await ask(after_, session, "checkpoint");
}

/// Of all that may mirror this node.
std::vector<std::string> ManagedStore::Impl::slots() const
{
    std::vector<std::string> names{slot_name(options_.peer_name)};
    for (const auto& name : options_.further) names.push_back(slot_name(name));
    return names;
}

Task<> ManagedStore::Impl::make_slots(Sequencer& by, pg::Connection& session)
{
    constexpr const char* duplicate_object = "42710";
    for (const auto& slot : slots()) {
        try {
            co_await ask(by, session,
                         "select pg_create_physical_replication_slot($1, true) where not exists "
                         "(select from pg_replication_slots where slot_name = $1)",
                         values(slot));
        } catch (const pg::Error& error) { // one that is just being made is not listed yet
            if (error.sqlstate() != duplicate_object) throw;
        }
    }
}

} // namespace roleswap::store
