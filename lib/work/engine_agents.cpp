// Agents: who is connected, what is given to them, and what they deliver.
#include "work/agents.hpp"
#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto look_period = 2s;   ///< backs up the notifications
constexpr auto expected_for = 30s; ///< agents of the last master come back within this
constexpr auto results_max = 200;  ///< taken at one look

constexpr const char* results_sql = R"(
SELECT run, attempt, agent, result, r.state FROM roleswap.agent_result
LEFT JOIN LATERAL (SELECT state FROM roleswap.run WHERE id = agent_result.run
                   AND attempt = agent_result.attempt) AS r ON true
ORDER BY delivered_at LIMIT $1)";

constexpr const char* gone_sql = "UPDATE roleswap.agent AS a SET connected = false "
                                 "WHERE name = $1 AND NOT roleswap.agent_is_here(a)";

} // namespace

void Engine::Impl::take_agents(Loaded& loaded)
{
    for (auto& [name, agent] : loaded.agents) {
        const auto known = model_.agents.find(name);
        const auto before = known == model_.agents.end() ? AgentEntry{} : known->second;
        agent.here = before.here;
        agent.gone = before.gone;
        agent.expected = agent.expected && !agent.here && !agent.gone;
    }
    model_.agents = std::move(loaded.agents);
    for (auto& run : loaded.given) model_.add_given(std::move(run));
}

/// Where there is no agent nothing is ever asked.
void Engine::Impl::look_at_agents()
{
    if (phase_ != Phase::running || !session_ready_ || suspended_) return;
    if (model_.agents.empty()) return agent_timer_.stop();
    agent_timer_.start_in(look_period);
    if (std::exchange(asking_agents_, true)) {
        ask_agents_again_ = true;
        return;
    }
    const auto generation = generation_;
    const auto nothing = [](const json&) {};
    const auto failed = [this, generation](const VerbError&) {
        if (generation == generation_) asking_agents_ = false; // the timer asks again
    };
    session_->read({agents_sql}, {nothing, failed},
                   [this](std::vector<pg::Result>& results) -> json {
                       take_sessions(results.at(0));
                       return nullptr;
                   });
    session_->read({results_sql, {std::to_string(results_max)}}, {nothing, failed},
                   [this](std::vector<pg::Result>& results) -> json {
                       take_results(results.at(0));
                       return nullptr;
                   });
}

void Engine::Impl::take_sessions(const pg::Result& rows)
{
    std::map<std::string, AgentEntry> now;
    for (auto& session : read_sessions(rows)) {
        const auto known = model_.agents.find(session.name);
        const auto before = known == model_.agents.end() ? AgentEntry{} : known->second;
        const bool fresh = event::Loop::now() - begun_at_ < expected_for;
        auto& entry = now[session.name] = std::move(session.entry);
        const bool lost = session.connected && (before.here || !fresh);
        entry.gone = !entry.here && (before.gone || lost);
        entry.expected = !entry.here && !entry.gone && session.connected;
        if (entry.here && !before.here)
            note("agent_connected", fmt::format("agent {} is connected from {}, version {}",
                                                session.name, entry.address, entry.version));
        if (entry.here && !before.here) dispatcher_.trigger();
        if (entry.gone && !before.gone) agent_gone(session.name);
    }
    model_.agents = std::move(now);
}

/// What it has stays its own.
void Engine::Impl::agent_gone(const std::string& name)
{
    std::size_t runs = 0;
    for (const auto& [id, run] : model_.open) runs += run.agent == name ? 1U : 0U;
    note("agent_away",
         fmt::format("agent {} is not connected; {}", name,
                     runs == 0 ? "its queues wait"
                               : fmt::format("the {} runs that it has stay with it", runs)));
    session_->write({{gone_sql, {name}}}, [this](const pg::Outcome& outcome) {
        if (!std::holds_alternative<pg::Committed>(outcome))
            host_.on_store_trouble("agents: " + pg::describe(outcome));
    });
}

void Engine::Impl::take_results(const pg::Result& rows)
{
    asking_agents_ = false;
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        const Delivered which{rows[i].integer(0), rows[i].integer(1)};
        if (!applying_.insert(which).second) continue; // its commit is on the way
        take_result(which, rows[i]);
        writer_->next().delivered.push_back(which);
    }
    const bool more = rows.rows() == results_max;
    if (std::exchange(ask_agents_again_, false) || more) look_at_agents();
}

void Engine::Impl::take_result(const Delivered& which, const pg::Row& row)
{
    const auto report = report_from(json::parse(row.text(3), nullptr, false), which.run);
    const auto found = model_.open.find(which.run);
    if (found != model_.open.end() && found->second.agent == row.text(2) &&
        found->second.attempt == which.attempt)
        return ended_at_agent(found->second, report);
    if (row.maybe_text(4) != "interrupted" || report.unknown) return; // nobody waits for it
    OpenRun run{.id = which.run, .attempt = static_cast<int>(which.attempt)};
    auto late = after_end({}, run, report.end, now());
    late.row["late"] = true;
    writer_->next().ends.push_back(std::move(late.row));
    note("agent_late", fmt::format("run {}, which counted as interrupted, ended at agent {}: {}",
                                   which.run, row.text(2), late.state));
}

void Engine::Impl::ended_at_agent(const OpenRun& run, const Report& report)
{
    const auto task = model_.tasks.find(run.task);
    const auto definition = task == model_.tasks.end() ? task::Task{} : task->second.task;
    auto after = report.unknown ? after_unknown(definition, run, report.end, now())
                                : after_end(definition, run, report.end, now());
    finish_run(run, std::move(after));
}

void Engine::Impl::take_gifts(const Batch& batch, const std::vector<std::int64_t>& given)
{
    const std::set<std::int64_t> all(given.begin(), given.end());
    std::set<std::string> agents;
    for (const auto& gift : batch.gifts) {
        if (!all.contains(gift.id)) {
            model_.forget(gift.id);
            continue;
        }
        model_.give(gift.id, gift.agent);
        agents.insert(gift.agent);
    }
    for (const auto& name : agents) session_->tell("roleswap_agent", name);
    for (const auto& one : batch.delivered) applying_.erase(one);
}

json Engine::Impl::agents_json() const
{
    std::map<std::string, json> queues;
    std::map<std::string, std::size_t> running;
    for (const auto& [name, queue] : model_.queues)
        if (!queue.agent.empty()) queues[queue.agent].push_back(name);
    if (model_.given() > 0)
        for (const auto& [id, run] : model_.open)
            if (!run.agent.empty()) ++running[run.agent];
    auto list = json::array();
    for (const auto& [name, agent] : model_.agents)
        list.push_back({{"name", name},
                        {"state", agent.state()},
                        {"since", agent.here ? json(agent.since) : json(nullptr)},
                        {"address", agent.address},
                        {"version", agent.version},
                        {"queues", queues.contains(name) ? queues[name] : json::array()},
                        {"running", running[name]}});
    return list;
}

} // namespace roleswap::work
