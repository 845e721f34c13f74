#pragma once
#include <iterator>
#include <string_view>

namespace roleswap::daemon {

/// Every kind of event has a stable id ("what"), a journal MESSAGE_ID and a level; the manual
/// explains each of them (roleswapd(8), MESSAGES).
struct MessageKind {
    std::string_view what;
    std::string_view id;    ///< 128 bits, hexadecimal (sd-id128(3))
    std::string_view level; ///< info, notice, warning, error
};

inline constexpr MessageKind message_kinds[] = {
    {"boot", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e201", "info"},
    {"waiting", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e202", "notice"},
    {"takeover", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e203", "warning"},
    {"master", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e204", "notice"},
    {"standby", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e205", "notice"},
    {"standby_in_sync", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e206", "info"},
    {"standby_lost", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e207", "warning"},
    {"mode_alone", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e208", "warning"},
    {"mode_mirrored", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e209", "notice"},
    {"demotion", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e20a", "warning"},
    {"self_fence", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e20b", "warning"},
    {"handover_started", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e20c", "notice"},
    {"handover_undone", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e20d", "warning"},
    {"handover_done", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e20e", "notice"},
    {"refused", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e20f", "warning"},
    {"link_up", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e210", "notice"},
    {"link_down", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e211", "warning"},
    {"store", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e212", "notice"},
    {"work", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e213", "notice"},
    {"operation", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e214", "notice"},
    {"stopping", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e215", "info"},
    {"run_output", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e216", "info"},
    {"configuration", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e217", "warning"},
    {"claim_failed", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e218", "error"},
    {"suspended", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e219", "warning"},
    {"resumed", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e21a", "notice"},
    {"store_failed", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e21b", "error"},
    {"hold", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e21c", "notice"},
    {"freeze", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e21d", "warning"},
    {"run_failed", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e21e", "warning"},
    {"run_killed", "5b0c7e1d3f2a4c6e9d8b1a7f60c4e213", "notice"},
    {"queue_held", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e220", "notice"},
    {"memory_resolved", "2f6d1f0a7c3e4d0f9b8a64c7e21d5a01", "info"},
    {"task_changed", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e221", "info"},
    {"runs_freed", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e222", "notice"},
    {"disk_full", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e223", "error"},
    {"bug", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e224", "error"},
    {"store_trouble", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e225", "warning"},
    {"store_well", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e226", "notice"},
    {"witness_lost", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e230", "warning"},
    {"witness_back", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e231", "notice"},
    {"witness_wiped", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e232", "warning"},
    {"witness_split", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e233", "error"},
    {"guard_started", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e240", "info"},
    {"guard_fired", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e241", "error"},
    {"guard_lost", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e242", "warning"},
    {"spawner_lost", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e243", "warning"},
    {"unit_stopped", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2e0", "error"},
    {"rejoin", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2b0", "notice"},
    {"copy_refused", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2b1", "error"},
    {"history_found", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2b2", "warning"},
    {"history_kept_aside", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2b3", "error"},
    {"history_waits", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2b4", "warning"},
    {"history_decided", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2b5", "notice"},
    {"join_denied", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2b6", "warning"},
    {"join_password", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2b7", "notice"},
    {"link_unsteady", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2a0", "warning"},
    {"queue_released", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2a1", "notice"},
    {"queue_removed", "36c89cd815d6b07657a44f6550d933d1", "notice"},
    {"scheduler_stopped", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2a2", "notice"},
    {"scheduler_started", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2a3", "notice"},
    {"operation_begun", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2a4", "notice"},
    {"operation_ended", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2a5", "notice"},
    {"runs_in_doubt", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2a6", "warning"},
    {"due_times_passed_over", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2a7", "warning"},
    {"due_times_in_doubt", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2f4", "warning"},
    {"due_times_held", "bfc06acf35b646a8d158792b265408a9", "warning"},
    {"held_released", "4a1c00e12386c31abd50376f3006d05f", "notice"},
    {"held_dropped", "c9d9ed975743ca27f48ac1e7cd10fd94", "notice"},
    {"held_kept", "bd8b9422e9c939bdd96e5f4ed14015dc", "notice"},
    {"pause_begun", "78ac27f97d14b994dd026543aa4eaf66", "warning"},
    {"pause_ended", "a6a9593c8ccb5ab278e0ae9935e01ea2", "notice"},
    {"history_damaged", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2f5", "error"},
    {"pair_booted", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2a8", "notice"},
    {"task_broken", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2a9", "error"},
    {"fence", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2aa", "warning"},
    {"fence_started", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e251", "warning"},
    {"fence_confirmed", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e252", "warning"},
    {"fence_failed", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e253", "error"},
    {"fence_ready", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e254", "notice"},
    {"fence_unready", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e255", "warning"},
    {"dr_behind", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2c0", "warning"},
    {"dr_caught_up", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e2c1", "notice"},
    {"agent_connected", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e310", "notice"},
    {"agent_away", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e311", "warning"},
    {"agent_late", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e312", "notice"},
    {"agent_added", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e313", "notice"},
    {"agent_removed", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e314", "notice"},
    {"agent_token", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e315", "notice"},
    {"tasks_unready", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e300", "notice"},
    {"tasks_ready", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e301", "info"},
    {"other", "9a1d2f0c6e0b4a7e8a55c1f3d0b7e21f", "info"},
};

/// Each word and each id occurs once, and an id has 32 hexadecimal digits.
constexpr bool all_distinct()
{
    for (const auto* kind = std::begin(message_kinds); kind != std::end(message_kinds); ++kind) {
        if (kind->id.size() != 32) return false;
        if (kind->id.find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
        for (const auto* before = std::begin(message_kinds); before != kind; ++before) {
            if (before->what == kind->what || before->id == kind->id) return false;
        }
    }
    return true;
}
static_assert(all_distinct(), "two kinds of events share a word or a MESSAGE_ID");

/// The kind with this id; the last one, "other", where it is unknown.
constexpr const MessageKind& message_kind(std::string_view what)
{
    for (const auto& kind : message_kinds) {
        if (kind.what == what) return kind;
    }
    return message_kinds[std::size(message_kinds) - 1];
}

/// Events that moved this node's role; the newest is the "last change" of status.
constexpr bool is_role_change(std::string_view what)
{
    for (const auto change :
         {"takeover", "master", "standby", "demotion", "self_fence", "handover_done"}) {
        if (what == change) return true;
    }
    return false;
}

} // namespace roleswap::daemon
