#include "store/server.hpp"
#include "base/ensure.hpp"
#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <pwd.h>
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

} // namespace

Server::Server(event::Loop& loop, const Options& options, const Layout& layout, Events events)
    : loop_(loop), options_(options), layout_(layout), events_(std::move(events)),
      log_([this](Sign sign, const std::string& line) {
          if (sign == Sign::ready) became_ready();
          events_.on_sign(sign, line);
      })
{
}

Server::~Server()
{
    sessions_.reset();
    kill_helpers();
    if (postgres_) postgres_->signal(SIGQUIT);
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
    const auto user = layout_.user() ? options_.user : own_user_name();
    layout_.write(layout_.file("pg_hba.conf"), access_text(options_), 0600);
    layout_.write(layout_.file("isolated_hba.conf"), isolated_access_text(), 0600);
    layout_.write(layout_.file("pg_ident.conf"), users_text(user), 0600);
    layout_.write(layout_.file("server.crt"), options_.certificate, 0600);
    layout_.write(layout_.file("server.key"), options_.private_key, 0600);
    layout_.write(layout_.file("passfile"), passwords_text(options_.replication_password), 0600);
    layout_.write(layout_.file("postgresql.conf"), settings_text(options_, layout_, tuning_), 0600);
}

void Server::apply(const Tuning& tuning)
{
    if (tuning == tuning_) return;
    tuning_ = tuning;
    layout_.write(layout_.file("postgresql.conf"), settings_text(options_, layout_, tuning_), 0600);
    // Before its handler is installed the signal would kill it.
    if (postgres_ && ready_) postgres_->signal(SIGHUP);
    reload_due_ = !ready_;
}

void Server::became_ready()
{
    ready_ = true;
    if (std::exchange(reload_due_, false) && postgres_) postgres_->signal(SIGHUP);
}

event::Command Server::command(std::vector<std::string> argv) const
{
    event::Command command;
    command.argv = std::move(argv);
    command.as = layout_.user();
    command.cgroup = options_.cgroup;
    // Their words are read; certificates in somebody's home are none of theirs.
    command.environment = {"LC_ALL=C", "TZ=UTC", "HOME=" + layout_.base().string()};
    return command;
}

void Server::launch(Kind as)
{
    write_files();
    // What ALTER SYSTEM or a copy left there would override the configuration.
    layout_.write(layout_.cluster() / "postgresql.auto.conf", "", 0600);
    log_.clear();
    ready_ = up_ = expected_ = reload_due_ = false;
    std::vector<std::string> settings{"config_file=" + layout_.file("postgresql.conf").string(),
                                      "hba_file=" + layout_.file("pg_hba.conf").string(),
                                      "ident_file=" + layout_.file("pg_ident.conf").string()};
    if (as == Kind::isolated)
        for (auto& setting : isolated_settings(layout_)) settings.push_back(std::move(setting));
    auto postgres = command({program("postgres"), "-D", layout_.cluster().string()});
    for (auto& setting : settings) {
        postgres.argv.emplace_back("-c");
        postgres.argv.push_back(std::move(setting));
    }
    postgres.death_signal = SIGQUIT;
    postgres_ = std::make_unique<event::Process>(
        loop_, postgres, [this](const event::Ended& how) { ended(how); },
        [this](std::string_view text) { log_.feed(text); });
    started_at_ = event::Loop::now();
}

Task<> Server::start(Sequencer& by, Kind as)
{
    base::ensure(!postgres_, "postgres is started twice");
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
    while (postgres_ && !ready_) co_await by.sleep(1ms);
    if (postgres_ && !sessions_) open_sessions();
    const auto patience = event::Loop::now() + session_patience;
    while (postgres_ && !sessions_->control.up()) {
        if (event::Loop::now() > patience)
            throw std::runtime_error("postgres takes no connection: " + log_.last_error());
        co_await by.sleep(500us);
    }
    if (!postgres_) throw std::runtime_error("postgres did not start: " + last_end_);
    up_ = true;
}

Task<> Server::promote(Sequencer& by)
{
    // What pg_promote() does, without a round trip (xlogfuncs.c).
    layout_.write(layout_.cluster() / "promote", "", 0600);
    postgres_->signal(SIGUSR1);
    for (;;) {
        const auto result = co_await ask(by, sessions().control, "select pg_is_in_recovery()");
        if (!result[0].boolean(0)) break;
        co_await by.sleep(500us);
    }
    kind_ = Kind::primary;
}

/// A crash at once after a start is likely to come again (full disk, broken file): wait longer
/// each time.
void Server::ended(const event::Ended& how)
{
    const auto now = event::Loop::now();
    if (!expected_) {
        pause_ = now - started_at_ > steady_after ? event::Duration{0}
                                                  : std::clamp(pause_ * 2, pause_min, pause_max);
        next_start_ = now + pause_;
    }
    last_end_ = fmt::format("{} {}", how.exited ? "exit code" : "signal", how.status);
    if (!log_.last_error().empty()) last_end_ += ": " + log_.last_error();
    const bool crash = up_ && !expected_;
    kind_ = Kind::none;
    up_ = ready_ = false;
    sessions_.reset();
    const auto gone = std::move(postgres_); // destroyed at the end, it is calling us
    if (crash) events_.on_crash(last_end_);
}

Task<> Server::end(Sequencer& by)
{
    expected_ = true;
    sessions_.reset();
    kill_helpers();
    if (postgres_) postgres_->signal(SIGQUIT);
    const auto patience = event::Loop::now() + 1s;
    while (postgres_ && event::Loop::now() < patience) co_await by.sleep(1ms);
    // Now whoever is left: a frozen postmaster, backends that lost theirs, helpers.
    for (;;) {
        const auto left = processes_in(layout_.cluster());
        if (left.empty() && !postgres_ && helpers_.empty()) break;
        for (const auto pid : left) ::kill(pid, SIGKILL);
        if (postgres_) postgres_->signal(SIGKILL);
        kill_helpers();
        co_await by.sleep(2ms);
    }
    // Left by a killed postmaster; a zombie with its number would make postgres refuse to start.
    std::filesystem::remove(layout_.cluster() / "postmaster.pid");
    for (const auto& folder : {layout_.sockets(), layout_.isolated()}) {
        const auto socket = (folder / fmt::format(".s.PGSQL.{}", options_.port)).string();
        std::filesystem::remove(socket + ".lock");
        std::filesystem::remove(socket);
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
    auto helper = command(std::move(argv));
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
