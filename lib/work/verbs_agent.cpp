// Verbs of agents.  Their roles are made here: an agent is nobody without one.
#include "work/agents.hpp"
#include "work/engine_impl.hpp"
#include "work/verifier.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

constexpr const char* own_queue_sql = R"(
INSERT INTO roleswap.queue (name, agent) SELECT jsonb_array_elements_text($1::jsonb), $2
ON CONFLICT (name) DO UPDATE SET agent = excluded.agent)";

/// Its runs, as the operator wants; null where none was to be touched.
constexpr const char* give_up_sql = R"(
UPDATE roleswap.run SET state = CASE WHEN $2 = 'rerun' THEN 'queued' ELSE 'interrupted' END, over = $2 <> 'rerun',
       attempt = attempt + CASE WHEN $2 = 'rerun' THEN 1 ELSE 0 END, agent = NULL, taken_by = NULL,
       kill_asked = false, batch = NULL, epoch = $3::bigint,
       ended_at = CASE WHEN $2 = 'rerun' THEN NULL ELSE now() END,
       why = format('its end is unknown: agent %s was removed while it had it', $1)
WHERE agent = $1 AND NOT over RETURNING id)";

/// What waits in its queues would start on the master as soon as they are nobody's.
constexpr const char* orphan_sql = R"(
UPDATE roleswap.queue SET agent = NULL, held = true, reason = format('agent %s was removed', $1),
       changed_at = now(), changed_by = $2
WHERE agent = $1 RETURNING name, held, reason, saved_held)";

constexpr const char* role_sql = "SELECT oid FROM pg_roles WHERE rolname = $1";
constexpr const char* end_sessions_sql =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = $1";

std::string verifier_of(const Arguments& args)
{
    auto verifier = args.text("verifier", "a SCRAM-SHA-256 verifier");
    if (!is_verifier(verifier))
        throw Refusal(VerbError::Code::bad_argument, "verifier is no SCRAM-SHA-256 verifier");
    return verifier;
}

std::string bad_name(const char* what, const std::string& name, const char* allowed)
{
    return fmt::format("the name of {} is \"{}\"; allowed: {}", what, clean_text(name), allowed);
}

} // namespace

const AgentEntry& Engine::Impl::find_agent(const std::string& name) const
{
    const auto found = model_.agents.find(name);
    if (found == model_.agents.end())
        throw Refusal(
            VerbError::Code::not_found,
            fmt::format("there is no agent \"{}\"; see \"roleswap agent list\"", clean_text(name)));
    return found->second;
}

/// A swap restores the queues that it found.
void Engine::Impl::refuse_in_operation() const
{
    if (model_.operation)
        throw Refusal(VerbError::Code::refused, open_operation() + "; " + way_out());
}

/// The queues that an agent is to have: one of its own name unless told.
std::vector<std::string> Engine::Impl::queues_for_agent(const Arguments& args,
                                                        const std::string& agent) const
{
    auto names = args.texts("queues", "a list of names of queues");
    if (names.empty()) names.push_back(agent);
    for (const auto& name : names) {
        if (!task::is_valid_name(name))
            throw Refusal(VerbError::Code::bad_argument,
                          bad_name("a queue", name, "1 to 64 of the characters A-Z a-z 0-9 . _ -"));
        if (name == "default")
            throw Refusal(VerbError::Code::bad_argument,
                          "queue default is the pair's own; give the agent another one");
        const auto queue = model_.queues.find(name);
        if (queue == model_.queues.end() || queue->second.agent.empty()) continue;
        throw Refusal(VerbError::Code::refused,
                      fmt::format("queue {} belongs to agent {}", name, queue->second.agent));
    }
    return names;
}

void Engine::Impl::agent_add(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name", "verifier", "queues"});
    const auto name = args.text("name", "the name of an agent");
    const auto verifier = verifier_of(args);
    if (!is_agent_name(name))
        throw Refusal(VerbError::Code::bad_argument,
                      bad_name("an agent", name, "1 to 40 of the characters A-Z a-z 0-9 . _ -"));
    if (std::ranges::find(settings_.nodes, name) != settings_.nodes.end() || name == settings_.node)
        throw Refusal(VerbError::Code::refused,
                      fmt::format("{} is a node of the pair: only other hosts are agents", name));
    if (model_.agents.contains(name))
        throw Refusal(
            VerbError::Code::refused,
            fmt::format("there is an agent {}; a new token for it: \"roleswap agent token "
                        "{}\"",
                        name, name));
    refuse_in_operation();
    write_agent(call, name, verifier, queues_for_agent(args, name));
}

void Engine::Impl::write_agent(const Call& call, const std::string& name,
                               const std::string& verifier, const std::vector<std::string>& queues)
{
    const auto role = pg::quote_identifier(agent_role(name));
    std::vector<pg::Query> queries{
        {fmt::format("CREATE ROLE {} LOGIN CONNECTION LIMIT 8 PASSWORD {} IN ROLE roleswap_agent",
                     role, pg::quote_literal(verifier))},
        {fmt::format("ALTER ROLE {} SET idle_in_transaction_session_timeout = '10s'", role)},
        {"INSERT INTO roleswap.agent (name, role, added_by) VALUES ($1, $2, $3)",
         {name, agent_role(name), call.caller.user}},
        {own_queue_sql, {json(queues).dump(), name}}};
    auto done = [this, name, queues, by = call.caller.user](std::vector<pg::Result>&) -> json {
        for (const auto& queue : queues) model_.queues[queue].agent = name;
        model_.agents.try_emplace(name);
        note("agent_added",
             fmt::format("agent {} runs the queues {}, by {}", name, fmt::join(queues, ", "), by));
        look_at_agents();
        return {{"name", name}, {"queues", queues}};
    };
    session_->write(std::move(queries), call.reply, std::move(done));
}

void Engine::Impl::agent_list(const Call& call)
{
    const Arguments args(call.verb, call.args, {});
    auto list = agents_json();
    for (auto& row : list) {
        const auto& agent = model_.agents.at(row.at("name"));
        row.update({{"added_at", agent.added_at},
                    {"added_by", agent.added_by},
                    {"token_at", agent.token_at}});
    }
    call.reply.done({{"agents", std::move(list)}});
}

/// With the old token its present session goes: whoever has that must not go on.
void Engine::Impl::agent_token(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name", "verifier"});
    const auto name = args.text("name", "the name of an agent");
    const auto verifier = verifier_of(args);
    find_agent(name);
    session_->write(
        {{role_sql, {agent_role(name)}},
         {fmt::format("ALTER ROLE {} PASSWORD {}", pg::quote_identifier(agent_role(name)),
                      pg::quote_literal(verifier))},
         {"UPDATE roleswap.agent SET token_at = now() WHERE name = $1", {name}}},
        call.reply, [this, name, by = call.caller.user](std::vector<pg::Result>& results) -> json {
            end_agent_sessions(results.at(0));
            note("agent_token", fmt::format("agent {} has a new token, by {}", name, by));
            return {{"name", name}};
        });
}

/// After the commit: a session that was ended before it would come back with the old token.
void Engine::Impl::end_agent_sessions(const pg::Result& role)
{
    if (role.empty()) return;
    const auto failed = [this](const VerbError& error) {
        if (error.code != VerbError::Code::not_master) host_.on_store_trouble(error.why);
    };
    session_->read({end_sessions_sql, {std::string(role[0].text(0))}}, {[](const json&) {}, failed},
                   [this](std::vector<pg::Result>&) -> json {
                       look_at_agents();
                       return nullptr;
                   });
}

/// Runs that are at the agent, and those that wait for it.
Engine::Impl::AgentLoad Engine::Impl::load_of_agent(const std::string& name) const
{
    AgentLoad load;
    for (const auto& [id, run] : model_.open) load.running += run.agent == name ? 1U : 0U;
    for (const auto& [queue_name, queue] : model_.queues)
        if (queue.agent == name) load.waiting += queue.waiting.size();
    return load;
}

void Engine::Impl::agent_remove(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name", "runs"});
    const auto name = args.text("name", "the name of an agent");
    const auto runs = args.has("runs") ? args.choice("runs", {"interrupt", "rerun"}) : "";
    find_agent(name);
    const auto [running, waiting] = load_of_agent(name);
    if (runs.empty() && running + waiting > 0)
        throw Refusal(VerbError::Code::refused,
                      fmt::format("agent {} has {} runs, and {} wait for it: say what becomes of "
                                  "them, --runs interrupt (left to a person) or --runs rerun (they "
                                  "wait for the next owner of their queue)",
                                  name, running, waiting));
    refuse_in_operation();
    const auto role = pg::quote_identifier(agent_role(name));
    session_->write(
        {{role_sql, {agent_role(name)}},
         {give_up_sql, {name, runs.empty() ? "interrupt" : runs, std::to_string(epoch_)}},
         {orphan_sql, {name, call.caller.user}},
         {"DELETE FROM roleswap.agent_result WHERE agent = $1", {name}},
         {"DELETE FROM roleswap.agent WHERE name = $1", {name}},
         {fmt::format("DROP OWNED BY {}", role)},
         {fmt::format("DROP ROLE {}", role)}},
        call.reply, [this, name, by = call.caller.user](std::vector<pg::Result>& results) -> json {
            return take_removal(results, name, by);
        });
}

json Engine::Impl::take_removal(std::vector<pg::Result>& results, const std::string& name,
                                const std::string& by)
{
    end_agent_sessions(results.at(0));
    auto given_up = json::array();
    for (std::size_t i = 0; i < results.at(1).rows(); ++i) {
        const auto id = results.at(1)[i].integer(0);
        model_.forget(id);
        given_up.push_back(id);
    }
    take_queue_rows(results.at(2));
    auto held = json::array();
    for (auto& [queue_name, queue] : model_.queues) {
        if (queue.agent != name) continue;
        queue.agent.clear();
        held.push_back(queue_name);
    }
    model_.agents.erase(name);
    note("agent_removed", fmt::format("agent {} was removed by {}; its queues are held", name, by));
    look_in_store();
    return {{"name", name}, {"runs", given_up}, {"held", held}};
}

} // namespace roleswap::work
