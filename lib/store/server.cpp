#include "store/server.hpp"
#include "base/ensure.hpp"
#include "store/conf_file.hpp"
#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <pwd.h>
#include <sstream>
#include <unistd.h>

namespace roleswap::store {

using namespace std::chrono_literals;

namespace {

/// A start that fails sooner than this after the one before makes the next one wait.
constexpr event::Duration steady_after = 10s;
/// A server that is ready and lets nobody in has a broken cluster.
constexpr event::Duration session_patience = 60s;
constexpr event::Duration pause_min = 200ms;
constexpr event::Duration pause_max = 10s;

std::string own_user_name()
{
    const passwd* entry = ::getpwuid(::geteuid());
    return entry == nullptr ? std::to_string(::geteuid()) : entry->pw_name;
}

/// A role of another make must not become superuser unseen.
constexpr const char* superuser_sql =
    "do $$ begin if exists (select from pg_roles where rolname = 'roleswap' and not rolsuper) then "
    "raise 'the cluster has a role roleswap that is no superuser: rename it'; end if; "
    "if not exists (select from pg_roles where rolname = 'roleswap') then "
    "create role roleswap superuser login; end if; end $$";

std::string content(const std::filesystem::path& path)
{
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

/// Only when it has to change: the administrator's file keeps its time.
void keep_block(const Layout& layout, const std::filesystem::path& path, const std::string& block)
{
    const auto before = content(path);
    const auto after = with_block(before, block);
    if (after != before) layout.write(path, after, 0640);
}

} // namespace

event::Command program_command(const Options& options, const Layout& layout,
                               std::vector<std::string> argv)
{
    event::Command command;
    command.argv = std::move(argv);
    command.as = layout.user();
    command.cgroup = options.cgroup;
    // Their words are read; certificates in somebody's home are none of theirs.
    command.environment = {"LC_ALL=C", "TZ=UTC", "HOME=" + layout.base().string()};
    return command;
}

Server::Server(event::Loop& loop, const Options& options, const Layout& layout, Events events)
    : loop_(loop), options_(options), layout_(layout), events_(std::move(events)),
      log_([this](Sign sign, const std::string& line) {
          if (sign == Sign::ready) became_ready();
          events_.on_sign(sign, line);
      })
{
    Postmaster::Events ours{[this](std::string_view text) {
                                log_.feed(text);
                                events_.on_log();
                            },
                            [this](const Postmaster::End& how) { ended(how); }};
    postmaster_ = options.external ? make_unit_postmaster(loop, options, layout, std::move(ours))
                                   : make_child_postmaster(loop, options, layout, std::move(ours));
}

Server::~Server()
{
    sessions_.reset();
    kill_helpers();
    postmaster_.reset(); // ends the server
}

std::string Server::conninfo(std::string_view dbname) const
{
    return fmt::format("host='{}' port={} user={} dbname={} gssencmode=disable sslmode=disable",
                       sockets().string(), options_.port, superuser, dbname);
}

const std::filesystem::path& Server::sockets() const
{
    return kind_ == Kind::isolated ? layout_.isolated() : layout_.sockets();
}

Server::Sessions& Server::sessions()
{
    if (!sessions_) throw std::runtime_error("postgres is not running");
    return *sessions_;
}

void Server::open_sessions()
{
    const std::string text =
        conninfo("postgres") + " application_name=roleswapd options='-c synchronous_commit=local'";
    const pg::Options options{text, 5s, 5ms, 100ms};
    sessions_ = std::unique_ptr<Sessions>(
        new Sessions{{loop_, options}, {loop_, options}, {loop_, options}});
    sessions_->control.connect();
    sessions_->watch.connect();
    sessions_->slow.connect();
}

void Server::write_files() const
{
    write_access();
    layout_.write(layout_.file("isolated_hba.conf"), isolated_access_text(), 0600);
    layout_.write(layout_.file("server.crt"), options_.certificate, 0600);
    layout_.write(layout_.file("server.key"), options_.private_key, 0600);
    layout_.write(layout_.file("passfile"), passwords_text(options_.replication_password), 0600);
    write_settings();
}

void Server::write_access() const
{
    if (options_.external) {
        keep_block(layout_, options_.external->hba, access_text(options_));
        keep_block(layout_, options_.external->ident, users_text(options_.external->owner));
        return;
    }
    const auto user = layout_.user() ? options_.user : own_user_name();
    layout_.write(layout_.file("pg_hba.conf"), access_text(options_), 0600);
    layout_.write(layout_.file("pg_ident.conf"), users_text(user), 0600);
}

void Server::write_settings() const
{
    auto text = settings_text(options_, layout_, tuning_);
    // A unit takes no command line.
    if (options_.external && kind_ == Kind::isolated)
        for (const auto& [name, value] : isolated_settings(layout_))
            text += fmt::format("{} = {}\n", name, pg::quote_literal(value));
    layout_.write(layout_.settings_file(), text, 0640);
}

void Server::apply(const Tuning& tuning)
{
    if (tuning == tuning_) return;
    tuning_ = tuning;
    if (!layout_.is_ours()) return;
    write_settings();
    // Before its handler is installed the signal would kill it.
    if (ready_) postmaster_->signal(SIGHUP);
    reload_due_ = !ready_;
}

void Server::became_ready()
{
    ready_ = true;
    if (std::exchange(reload_due_, false)) postmaster_->signal(SIGHUP);
}

/// Looked at again at each start: these files are the administrator's.
void Server::refuse_faults() const
{
    for (const auto& fault : faults_of(*options_.external, options_.port, -1))
        if (fault.fatal) throw std::runtime_error(options_.external->unit + ": " + describe(fault));
}

void Server::launch(Kind as)
{
    write_files();
    if (options_.external) refuse_faults();
    layout_.mark_touched();
    log_.clear();
    ready_ = up_ = expected_ = reload_due_ = false;
    postmaster_->launch(as);
    started_at_ = event::Loop::now();
}

Task<> Server::start(Sequencer& by, Kind as)
{
    base::ensure(!postmaster_->present(), "postgres is started twice");
    while (event::Loop::now() < next_start_) co_await by.sleep(next_start_ - event::Loop::now());
    if (as == Kind::standby)
        layout_.mark_standby();
    else
        layout_.mark_primary();
    kind_ = as; // the folder of its sockets depends on it
    launch(as);
    co_await wait_ready(by);
}

Task<> Server::wait_ready(Sequencer& by)
{
    while (postmaster_->present() && !ready_) co_await by.sleep(1ms);
    if (postmaster_->present() && !sessions_) open_sessions();
    const auto patience = event::Loop::now() + session_patience;
    bool made = !options_.external || kind_ != Kind::primary;
    while (postmaster_->present() && !sessions_->control.up()) {
        if (event::Loop::now() > patience)
            throw std::runtime_error("postgres takes no connection: " + log_.last_error());
        if (!made &&
            log_.last_error().find("role \"roleswap\" does not exist") != std::string::npos) {
            made = true;
            co_await make_superuser(by);
        }
        co_await by.sleep(500us);
    }
    if (!postmaster_->present()) throw std::runtime_error("postgres did not start: " + last_end_);
    up_ = true;
}

/// In a cluster that somebody else made, once, as the one who made it.
Task<> Server::make_superuser(Sequencer& by)
{
    std::vector<std::string> argv{program("psql"),
                                  "-XAtq",
                                  "-v",
                                  "ON_ERROR_STOP=1",
                                  fmt::format("--dbname=host={} port={} user={} dbname=postgres",
                                              sockets().string(), options_.port,
                                              options_.external->owner),
                                  "-c",
                                  superuser_sql};
    const auto made = co_await run(by, std::move(argv));
    if (!made.ok())
        throw std::runtime_error("cannot make the role roleswap in the cluster: " +
                                 made.describe());
}

Task<> Server::promote(Sequencer& by)
{
    // What pg_promote() does, without a round trip (xlogfuncs.c).
    layout_.write(layout_.cluster() / "promote", "", 0600);
    postmaster_->signal(SIGUSR1);
    for (;;) {
        const auto result = co_await ask(by, sessions().control, "select pg_is_in_recovery()");
        if (!result[0].boolean(0)) break;
        co_await by.sleep(500us);
    }
    kind_ = Kind::primary;
}

/// A crash at once after a start is likely to come again (full disk, broken file): wait longer
/// each time.
void Server::ended(const Postmaster::End& how)
{
    const auto now = event::Loop::now();
    if (!expected_) {
        pause_ = now - started_at_ > steady_after ? event::Duration{0}
                                                  : std::clamp(pause_ * 2, pause_min, pause_max);
        next_start_ = now + pause_;
    }
    last_end_ = how.how;
    if (!log_.last_error().empty()) last_end_ += ": " + log_.last_error();
    const bool crash = up_ && !expected_;
    kind_ = Kind::none;
    up_ = ready_ = false;
    sessions_.reset();
    if (crash) events_.on_crash({last_end_, how.by_hand});
}

Task<> Server::end(Sequencer& by)
{
    expected_ = true;
    sessions_.reset();
    kill_helpers();
    if (!layout_.is_ours()) co_return; // a cluster of the administrator's
    if (layout_.is_untouched()) co_await postmaster_->settle(by);
    postmaster_->signal(SIGQUIT);
    const auto patience = event::Loop::now() + 1s;
    while (postmaster_->present() && event::Loop::now() < patience) co_await by.sleep(1ms);
    co_await kill_all(by);
    co_await postmaster_->settle(by);
    co_await kill_all(by); // what began while it settled
    // Left by a killed postmaster; a zombie with its number would make postgres refuse to start.
    std::filesystem::remove(layout_.cluster() / "postmaster.pid");
    for (const auto& folder : {layout_.sockets(), layout_.isolated()}) {
        const auto socket = (folder / fmt::format(".s.PGSQL.{}", options_.port)).string();
        std::filesystem::remove(socket + ".lock");
        std::filesystem::remove(socket);
    }
}

/// Whoever is left: a frozen postmaster, backends that lost theirs, helpers.
Task<> Server::kill_all(Sequencer& by)
{
    for (;;) {
        const auto left = processes_in(layout_.cluster());
        const bool waits = !options_.external && postmaster_->present();
        if (left.empty() && !waits && helpers_.empty()) co_return;
        for (const auto pid : left) ::kill(pid, SIGKILL);
        postmaster_->signal(SIGKILL);
        kill_helpers();
        co_await by.sleep(2ms);
    }
}

Task<pg::Result> Server::ask(Sequencer& by, pg::Connection& session, std::string sql,
                             std::vector<std::optional<std::string>> params)
{
    pg::Query query{std::move(sql), std::move(params)};
    std::function<void(Sequencer::Resume<pg::Reply>)> begin =
        [&session, &query](Sequencer::Resume<pg::Reply> resume) {
            session.query(std::move(query), resume);
        };
    pg::Reply reply = co_await by.wait<pg::Reply>(std::move(begin));
    co_return pg::value(std::move(reply));
}

Task<event::Ended> Server::run(Sequencer& by, std::vector<std::string> argv,
                               event::Process::OnOutput on_output)
{
    auto helper = program_command(options_, layout_, std::move(argv));
    helper.death_signal = SIGKILL;
    std::function<void(Sequencer::Resume<event::Ended>)> begin =
        [this, &helper, &on_output](Sequencer::Resume<event::Ended> resume) {
            auto place = helpers_.emplace(helpers_.end());
            auto on_end = [this, place, resume](const event::Ended& how) {
                const auto gone = std::move(*place);
                helpers_.erase(place);
                resume(how);
            };
            try {
                *place = std::make_unique<event::Process>(loop_, helper, on_end, on_output);
            } catch (...) {
                helpers_.erase(place);
                throw;
            }
        };
    co_return co_await by.wait<event::Ended>(std::move(begin));
}

Task<> Server::sync(Sequencer& by, std::filesystem::path folder)
{
    std::vector<std::string> argv{"/bin/sync", "-f", folder.string()};
    const auto ended = co_await run(by, std::move(argv));
    if (!ended.ok()) throw std::runtime_error("cannot sync the disk: " + ended.describe());
}

void Server::kill_helpers() const
{
    // Each helper leads a process group (event::Process): pg_basebackup and pg_rewind have
    // children.
    for (const auto& helper : helpers_) ::kill(-helper->pid(), SIGKILL);
}

} // namespace roleswap::store
