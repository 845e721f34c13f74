#pragma once
#include "text.hpp"
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

/// What the JSON answers look like for people.  Pure: the same text for the same answer and style.
namespace roleswap::cli {

/// Where the begin of a run's output is not kept.
inline constexpr std::string_view how_to_keep_more =
    "raise output_tail in the configuration to keep more; the journal may have it";

std::string render_status(const nlohmann::json& status, const Style& style);
/// One line for a prompt or a status bar; no newline.
std::string render_bar(const nlohmann::json& status, const Style& style);
std::string render_links(const nlohmann::json& result, const Style& style);
std::string render_check(const nlohmann::json& result, const Style& style);
std::string render_events(const nlohmann::json& result, const Style& style);
/// Of the verb "why": each decision with what it was made on.
std::string render_why(const nlohmann::json& result, const Style& style);
std::string render_fence(const nlohmann::json& result, const Style& style);
std::string render_fence_test(const nlohmann::json& result, const Style& style);
std::string render_queues(const nlohmann::json& result, const Style& style);
/// Of the verb held_list.
std::string render_held(const nlohmann::json& result, const Style& style);
/// "12 runs of 5 tasks since nobody scheduled from ... to ..."; empty when none is held.
std::string held_line(const nlohmann::json& held);
std::string render_tasks(const nlohmann::json& result, const Style& style);
/// What new or changed tasks lack, a line each, such as a user: no error, as it may be made before
/// the task is due.
std::string unready_lines(const nlohmann::json& result);
std::string render_task(const nlohmann::json& result, const Style& style);
/// Of the verb task_apply with "dry_run".
std::string render_diff(const nlohmann::json& result, const Style& style);
std::string render_runs(const nlohmann::json& result, const Style& style);
std::string render_run(const nlohmann::json& result, const Style& style);
/// Of the verbs memory_list and memory_show.
std::string render_memory(const nlohmann::json& result, const Style& style);
/// The memory of a run in the words of a line, and what is or was in doubt; empty where there is
/// none.
std::string memory_text(const nlohmann::json& memory, const Style& style);
std::string render_agents(const nlohmann::json& result, const Style& style);
/// "2 of 3 connected, web1 is missing" of a status; empty where there is no agent.
std::string agents_text(const nlohmann::json& status);
std::string render_witness(const nlohmann::json& result, const Style& style);
/// "epoch 4 round 1 of left"
std::string verdict_text(const nlohmann::json& verdict);
std::string render_operation(const nlohmann::json& result, const Style& style);

/// Names of the nodes that have that role now; of all nodes when `role` is empty.
std::vector<std::string> nodes_of_role(const nlohmann::json& status, std::string_view role);
/// One sentence: what each node is instead, and what to do.
std::string why_no_node_is(const nlohmann::json& status, std::string_view role);
std::string render_history(const nlohmann::json& result, const Style& style);
std::string render_history_entry(const nlohmann::json& result, const Style& style);
/// "copying 37 % of 30.5 MiB [#######....] 12.0 MiB/s, 2 s left" while a base backup runs.
std::string copy_bar(const nlohmann::json& node);
/// "copying 37 % of 30.5 MiB" while a base backup of this node runs, else empty.
std::string copy_text(const nlohmann::json& node);
/// "1.5 KiB and 2 requests pending"; the bytes may be null: nobody knows them.
std::string pending_text(const nlohmann::json& bytes, std::int64_t requests);
/// Whether there is exactly one master, `master` where it is not empty, and every other node is a
/// standby in sync where `in_sync` says so; else why not.
struct PairState {
    bool ok = false;
    std::string why;
    std::string refused{}; ///< a node waits for a person, e.g. for room: waiting does not help
};
enum class Sync : std::uint8_t { any, required };
PairState pair_state(const nlohmann::json& status, const std::string& master, Sync sync);

} // namespace roleswap::cli
