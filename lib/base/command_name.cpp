#include "base/command_name.hpp"

namespace roleswap::base {

std::string command_name(std::string_view verb)
{
    if (verb == "task_apply" || verb == "task_export")
        return "roleswap " + std::string(verb.substr(5));
    if (verb == "hand_over") return "roleswap hand-over";
    if (verb == "pause_all" || verb == "resume_all")
        return verb == "pause_all" ? "roleswap pause-all" : "roleswap resume-all";
    if (verb == "memory_show") return "roleswap memory list";
    if (verb == "activate_check") return "roleswap activate --dry-run";
    if (verb == "node_status") return "roleswap status";
    if (verb == "join_password") return "roleswap password set";
    if (verb == "activate" || verb == "rejoin") return "roleswap primitive " + std::string(verb);
    std::string name = "roleswap " + std::string(verb);
    if (const auto gap = name.find('_'); gap != std::string::npos) name[gap] = ' ';
    return name;
}

} // namespace roleswap::base
