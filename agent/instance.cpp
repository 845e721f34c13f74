#include "instance.hpp"
#include "version.hpp"
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace roleswap::agent {
namespace {

run::ExecutorSettings executor_settings(const Config& config, const Journal& journal)
{
    const char* spawner = std::getenv("ROLESWAP_KEEPER");
    run::ExecutorSettings settings;
    settings.name = "roleswap-agent-" + config.name;
    settings.output_tail_bytes = config.output_tail;
    settings.spawner = spawner != nullptr ? spawner : KEEPER_PROGRAM;
    settings.on_spawner_lost = [&journal](const std::string& why) {
        journal.tell("spawner_lost", why);
    };
    return settings;
}

} // namespace

Instance::Instance(Config config)
    : config_(std::move(config)), lock_(config_.state_dir), writer_(loop_), journal_(config_.name),
      spool_(writer_, config_.state_dir),
      executor_(loop_, executor_settings(config_, journal_),
                [this](const run::OutputLine& line) { journal_.run_line(line); }),
      runs_(executor_, spool_, config_, journal_), pair_(loop_, config_, spool_, journal_),
      terminate_(loop_, SIGTERM, [this] { leave(); }),
      interrupt_(loop_, SIGINT, [this] { leave(); })
{
}

int Instance::run()
{
    sd_event_set_watchdog(loop_.get(), 1);
    executor_.prepare([this] { prepared(); });
    return loop_.run();
}

/// No process of an earlier agent is alive: what had begun then has ended, nobody knows how.
void Instance::prepared()
{
    journal_.tell("started", fmt::format("version {}, {}", version, executor_.describe()));
    runs_.adopt(spool_.load());
    runs_.begin([this] { deliver(); });
    pair_.begin({.on_ready =
                     [this] {
                         delivering_ = false;
                         deliver();
                     },
                 .on_given =
                     [this](const std::vector<Given>& given) {
                         if (!leaving_) runs_.take(given, pair_.epoch());
                         tell_systemd();
                     },
                 .on_delivered = [this](const std::vector<Key>& all,
                                        const std::vector<Key>& kept) { delivered(all, kept); }});
    sd_notify(0, "READY=1");
    tell_systemd();
}

void Instance::deliver()
{
    if (!pair_.ready() || delivering_) return;
    const auto finished = runs_.finished();
    if (finished.empty()) return;
    delivering_ = true;
    pair_.deliver(finished);
}

void Instance::delivered(const std::vector<Key>& all, const std::vector<Key>& kept)
{
    delivering_ = false;
    runs_.delivered(all, kept);
    tell_systemd();
    deliver();
}

void Instance::tell_systemd() const
{
    const auto where = pair_.ready()
                           ? fmt::format("master is {}, epoch {}", pair_.master(), pair_.epoch())
                           : std::string("looks for the master");
    sd_notifyf(0, "STATUS=%s; %zu runs", where.c_str(), runs_.alive());
}

/// What runs is ended as trees; its records stay, so the next start tells that its end is unknown.
void Instance::leave()
{
    if (std::exchange(leaving_, true)) return;
    journal_.tell("stopping", fmt::format("{} runs are ended", runs_.alive()));
    sd_notify(0, "STOPPING=1");
    runs_.stop();
    executor_.kill_all([this] { loop_.exit(0); });
}

} // namespace roleswap::agent
