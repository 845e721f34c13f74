#pragma once
#include "work/model.hpp"
#include "work/session.hpp"
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace roleswap::work {

/// What the store says when an engine begins, or begins again after a lost connection.
struct Loaded {
    std::map<std::string, TaskEntry> tasks;   ///< by name
    std::map<std::string, QueueEntry> queues; ///< without counts and waiting runs
    std::vector<OpenRun> waiting;             ///< the first of each queue, see window.hpp
    std::map<std::string, AgentEntry> agents; ///< none is here yet
    std::vector<OpenRun> given;               ///< agents have them
    std::map<std::string, nlohmann::json> settings;
    std::optional<Operation> operation;
    std::vector<std::string> freed;       ///< "task (run 5)": to be run again
    std::vector<std::string> interrupted; ///< the same, whose end is in doubt
    std::vector<std::string> held;        ///< the same, that an old master may have gone on with
    std::vector<std::string> broken;      ///< tasks whose definition cannot be read, and why
};

enum class LoadKind : std::uint8_t {
    first, ///< no run of this node is alive: frees every run that is `running`
    again, ///< runs are alive; only reads
};

struct Look {
    LoadKind kind = LoadKind::first;
    core::Epoch doubt = 0; ///< see Claimed
};

/// Asks for everything in one transaction under the epoch of the session; the results are for
/// `read_all`.  `on_trouble` is called instead when the store did not do it.
void load(Session& session, const Look& look,
          std::function<void(std::vector<pg::Result>)> on_results,
          std::function<void(const pg::Outcome&)> on_trouble);

/// Touches nothing but the results, so that it may run beside the loop.
Loaded read_all(const std::vector<pg::Result>& results, LoadKind kind,
                const task::Defaults& defaults);

/// A task as it is used from now on.  Throws task::Error.
TaskEntry make_entry(task::Task task, task::Time last_due, const task::Defaults& defaults);

} // namespace roleswap::work
