#include "event/process.hpp"
#include "fence/device.hpp"
#include "fence/secrets.hpp"
#include <csignal>
#include <fmt/format.h>
#include <map>
#include <system_error>

namespace roleswap::fence {
namespace {

constexpr int status_off = 2; ///< FenceAgentAPI, "status"

/// Runs the agent, one process for each command.  An agent that is given up is killed with all
/// that stayed in its process group, and reaped when it ends.
class Agent final : public Device {
public:
    Agent(event::Loop& loop, const AgentOptions& agent, Duration limit)
        : loop_(loop), agent_(agent), limit_(limit), secrets_(agent.secret_files),
          timer_(loop, [this] { give_up(); }), failed_(loop, [this] {
              if (!unstarted_.empty()) finish({false, unstarted_}, 1);
          })
    {
        secrets_.load();
    }
    ~Agent() override { Agent::stop(); }

    std::string name() const override
    {
        return agent_.program.substr(agent_.program.rfind('/') + 1);
    }
    bool tells_power() const override { return true; }
    std::string why_unconfirmed() const override { return "only status \"off\" confirms"; }
    void off(OnOutcome on_outcome) override;
    void look(OnLook on_look) override;
    void stop() override;

private:
    using OnExit = std::function<void(const Outcome&, int code)>;
    void run(const std::string& action, OnExit on_exit);
    std::string input(const std::string& action) const;
    void start(const std::string& action);
    void ended(std::uint64_t id, const event::Ended& ended);
    void give_up();
    void finish(const Outcome& outcome, int code);

    event::Loop& loop_;
    AgentOptions agent_;
    Duration limit_;
    Secrets secrets_;
    OnExit on_exit_;
    std::map<std::uint64_t, std::unique_ptr<event::Process>> processes_; ///< the newest, and dying
    std::uint64_t current_ = 0; ///< key of the one that is waited for; 0: none
    std::uint64_t last_ = 0;
    bool timed_out_ = false;
    std::string unstarted_; ///< why there is no process
    event::Timer timer_;
    event::Deferred failed_;
};

std::string Agent::input(const std::string& action) const
{
    auto text = fmt::format("action={}\n", action);
    for (const auto& [name, value] : agent_.options) text += fmt::format("{}={}\n", name, value);
    for (const auto& [name, value] : secrets_.values()) text += fmt::format("{}={}\n", name, value);
    return text;
}

void Agent::start(const std::string& action)
{
    event::Command command;
    command.argv = {agent_.program};
    command.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"};
    command.death_signal = SIGKILL;
    command.input = input(action);
    const auto id = ++last_;
    processes_.emplace(
        id, std::make_unique<event::Process>(
                loop_, command, [this, id](const event::Ended& end) { ended(id, end); }));
    current_ = id;
}

void Agent::run(const std::string& action, OnExit on_exit)
{
    stop();
    on_exit_ = std::move(on_exit);
    timed_out_ = false;
    secrets_.load();
    unstarted_.clear();
    if (secrets_.values().size() < agent_.secret_files.size()) unstarted_ = secrets_.trouble();
    try {
        if (unstarted_.empty()) start(action);
    } catch (const std::system_error& error) {
        unstarted_ = error.what();
    }
    if (!unstarted_.empty()) return failed_.trigger();
    timer_.start_in(limit_);
}

void Agent::stop()
{
    on_exit_ = {};
    timer_.stop();
    if (current_ != 0) processes_.at(current_)->signal_all(SIGKILL);
    current_ = 0;
}

/// The end of the process answers, as soon as it is there.
void Agent::give_up()
{
    timed_out_ = true;
    if (current_ != 0) processes_.at(current_)->signal_all(SIGKILL);
}

void Agent::ended(std::uint64_t id, const event::Ended& ended)
{
    const auto process = processes_.extract(id);
    if (id != current_) return;
    current_ = 0;
    const auto told = secrets_.hidden(ended.describe());
    if (timed_out_)
        finish({false, fmt::format("no end within {} ms, so it was killed; {}",
                                   limit_.count() / 1000, told)},
               1);
    else
        finish({ended.ok(), told}, ended.exited ? ended.status : 1);
}

void Agent::finish(const Outcome& outcome, int code)
{
    timer_.stop();
    const auto on_exit = std::exchange(on_exit_, {});
    if (on_exit) on_exit(outcome, code);
}

void Agent::off(OnOutcome on_outcome)
{
    run("off",
        [on_outcome = std::move(on_outcome)](const Outcome& outcome, int) { on_outcome(outcome); });
}

void Agent::look(OnLook on_look)
{
    run("status", [on_look = std::move(on_look)](const Outcome& outcome, int code) {
        using enum Look::Power;
        on_look({outcome.ok ? on : code == status_off ? Look::Power::off : failed, outcome.why});
    });
}

} // namespace

std::unique_ptr<Device> make_agent(event::Loop& loop, const Options& options)
{
    return std::make_unique<Agent>(loop, std::get<AgentOptions>(options.device),
                                   options.command_timeout);
}

} // namespace roleswap::fence
