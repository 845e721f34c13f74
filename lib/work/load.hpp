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
    std::vector<TaskEntry> tasks;
    std::map<std::string, QueueEntry> queues; ///< without counts and waiting runs
    std::vector<OpenRun> waiting;
    std::map<std::string, nlohmann::json> settings;
    std::optional<Operation> operation;
    std::vector<std::string> freed;       ///< "task (run 5)": to be run again
    std::vector<std::string> interrupted; ///< the same, whose end is in doubt
    std::vector<std::string> broken;      ///< tasks whose definition cannot be read, and why
};

enum class LoadKind : std::uint8_t {
    first, ///< no run of this node is alive: frees every run that is `running`
    again, ///< runs are alive; only reads
};

/// Reads everything in one transaction under the epoch of the session.  `on_trouble` gets one
/// sentence when the store did not do it.
void load(Session& session, LoadKind kind, const task::Defaults& defaults,
          std::function<void(Loaded)> on_loaded,
          std::function<void(const pg::Outcome&)> on_trouble);

/// A task as it is used from now on.  Throws task::Error.
TaskEntry make_entry(task::Task task, task::Time last_due, const task::Defaults& defaults);

} // namespace roleswap::work
