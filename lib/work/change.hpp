#pragma once
#include "base/parse_error.hpp"
#include "task/after.hpp"
#include "work/engine.hpp"
#include "work/model.hpp"
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace roleswap::work {

/// What a verb changes of the tasks, on its way through text, comparison, store and model.  One at
/// a time: what it was compared with stays as it is until it is in the model.
struct Change {
    enum class Place : std::uint8_t {
        reading,   ///< the worker has it
        comparing, ///< with the model
        writing,   ///< the store has it
        taking,    ///< committed, on its way into the model
    };
    Reply reply;
    Place place = Place::reading;
    std::uint64_t generation = 0; ///< of the engine when it began
    task::Time since;             ///< tasks with a new schedule are due from then on

    std::string text; ///< of a file of tasks; below what was read of it
    bool dry_run = false;
    bool remove_others = false;
    std::vector<TaskEntry> read;
    std::vector<std::string> read_rows; ///< JSON of each
    std::set<std::string> named;
    std::map<std::string, base::ParseError::Place> places; ///< of `after`, by task
    std::optional<VerbError> error;

    nlohmann::json answer;
    std::vector<TaskEntry> entries;   ///< to be put, new or over the old one
    std::set<std::string> removed;    ///< names
    std::string rows;                 ///< JSON of the entries, with commas between
    std::set<std::string> queues;     ///< of the entries
    std::vector<std::string> leaving; ///< of the removed: not yet out of the model
    std::size_t at = 0;               ///< how far the walk over `read` or `entries` has come
    std::optional<std::string> after; ///< the same for the tasks of the model

    std::map<std::string, std::size_t> place_of; ///< in `entries`, by name
    std::optional<task::AfterWalk> walk;         ///< along what the tasks are after
    std::size_t after_at = 0;                    ///< entries it has begun from
    std::string after_of;                        ///< the last one
    std::optional<std::string> after_removed;    ///< the last of `removed` that was looked at
};

/// Reads `text`; touches nothing but the change, so that it may run beside the loop.
void read_text(Change& change, const task::Defaults& defaults);

/// Adds a task that is to be written.
void put(Change& change, TaskEntry entry, const std::string& row);

/// [{"field","old","new"}] of what differs.
nlohmann::json field_changes(const task::Task& old, const task::Task& changed);

/// Throws task::Error for a schedule without any due time ("30 February"), which is a mistake.
void check_is_ever_due(const TaskEntry& entry, task::Time now);

} // namespace roleswap::work
