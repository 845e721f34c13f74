#pragma once
#include "run/spec.hpp"
#include "work/model.hpp"
#include "work/session.hpp"
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

/// Agents as the store knows them, and the results that they deliver, as values.
namespace roleswap::work {

/// [A-Za-z0-9._-]{1,40}: a role is named after it.
bool is_agent_name(std::string_view name);
/// The role by which it logs in.
std::string agent_role(const std::string& name);

/// One row of `agents_sql`.
struct AgentSession {
    std::string name;
    AgentEntry entry;       ///< without `expected`
    bool connected = false; ///< was seen, by this master or an earlier one, and not gone
};
extern const char* const agents_sql;
std::vector<AgentSession> read_sessions(const pg::Result& result);

/// How an attempt at an agent ended.
struct Report {
    run::RunEnd end;
    bool unknown = false; ///< nobody knows: the agent was killed meanwhile
};
/// As an agent delivers it.
nlohmann::json to_json(const Report& report);
/// The reverse.  What cannot be read is of unknown end, and `why` says so.
Report report_from(const nlohmann::json& object, std::int64_t run);

} // namespace roleswap::work
