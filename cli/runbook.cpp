#include "commands.hpp"
#include "field.hpp"
#include "paths.hpp"
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unistd.h>

namespace roleswap::cli {
namespace {

using nlohmann::json;

/// ROLESWAP_RUNBOOKS (to try a changed one), the site's own, the installed one.
std::string find_runbook(const std::string& name)
{
    std::vector<std::string> folders{runbook_override_dir, libexec_dir};
    if (const char* first = std::getenv("ROLESWAP_RUNBOOKS"); first && *first)
        folders.insert(folders.begin(), first);
    std::string looked;
    for (const std::string& folder : folders) {
        const std::string path = folder + "/" + name;
        if (access(path.c_str(), X_OK) == 0) return path;
        looked += (looked.empty() ? "" : " and ") + path;
    }
    throw bus::Error(bus::ErrorCode::not_found,
                     "The runbook " + name + " is missing; looked for " + looked + ".");
}

/// A runbook is a process of this host: it cannot be carried out elsewhere.
void refuse_node(const Context& context, const std::string& runbook)
{
    const std::string& node = context.options.node;
    if (node.empty()) return;
    const char* why = runbook == "planned-swap"
                          ? "swap and undo act on the pair, from either node; leave --node away."
                          : "activate and rejoin act on the node they are typed on; run it on ";
    throw UsageError("--node was \"" + printable(node) + "\"; " + why +
                     (runbook == "planned-swap" ? "" : printable(node) + " itself."));
}

/// The runbook calls this very program with the options that were given to it.
void hand_on(const char* name, const std::string& value)
{
    if (!value.empty()) setenv(name, value.c_str(), 1);
}

constexpr int operations_back = 100; ///< that changed nothing, before `undo` gives up

/// Whether it left the roles as they were: undone before the hand-over, or a rejoin.
bool changed_nothing(const json& operation)
{
    return text(operation, "result") == "undone" || text(operation, "kind") == "rejoin";
}

/// The newest operation that changed the roles.
json last_change(Context& context)
{
    json operation = member(context.call("operation_show"), "operation");
    for (int back = 0; back < operations_back; ++back) {
        if (operation.is_object() && !changed_nothing(operation)) return operation;
        const auto before = number(operation, "id") - 1;
        if (before < 1) break;
        // A number without a report is passed over.
        operation = member(context.call("operation_show", {{"id", before}}), "operation");
        if (!operation.is_object()) operation = {{"id", before}, {"result", "undone"}};
    }
    throw bus::Error(bus::ErrorCode::refused,
                     "There was no swap yet; only a swap can be taken back.");
}

/// Odd epochs are of one node and even ones of the other, so an epoch of the other kind than that
/// of the swap says that a takeover or an activation changed the roles since.
void refuse_later_change(Context& context, const json& swap)
{
    const auto swapped = number(swap, "hand_over_epoch");
    const json status = context.call("status"); // outlives the loop over its part
    std::int64_t now = 0;
    for (const json& node : list(status, "nodes"))
        if (flag(node, "reachable") && text(node, "role") == "master") now = number(node, "epoch");
    if (swapped == 0 || now == 0 || (now - swapped) % 2 == 0) return;
    throw bus::Error(bus::ErrorCode::refused,
                     fmt::format("The roles have changed since the last swap, operation {}: it led "
                                 "to epoch {}, now it is {}.  roleswap swap swaps them.",
                                 text(swap, "id"), swapped, now));
}

} // namespace

int run_runbook(Context& context, const RunbookOptions& options)
{
    refuse_node(context, options.name);
    const std::string path = find_runbook(options.name);
    std::error_code unknown;
    hand_on("ROLESWAP", std::filesystem::read_symlink("/proc/self/exe", unknown).string());
    hand_on("ROLESWAP_CONFIG", context.options.config);
    hand_on("ROLESWAP_SOCKET", context.options.socket);
    std::vector<std::string> words{path};
    if (context.options.json) words.emplace_back("--json");
    words.insert(words.end(), options.arguments.begin(), options.arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    execv(path.c_str(), argv.data());
    throw std::system_error(errno, std::generic_category(), "run " + path);
}

int activate(Context& context, const ActivateOptions& options)
{
    std::vector<std::string> arguments;
    if (options.dry_run) arguments.emplace_back("--dry-run");
    if (options.force) arguments.emplace_back("--force");
    if (options.yes) arguments.emplace_back("--yes");
    if (!options.reason.empty()) {
        arguments.emplace_back("--reason");
        arguments.push_back(options.reason);
    }
    return run_runbook(context, {"standby-to-master", arguments});
}

int undo(Context& context, const std::vector<std::string>& arguments)
{
    refuse_node(context, "planned-swap");
    const json swap = last_change(context);
    const std::string kind = text(swap, "kind");
    const std::string result = text(swap, "result");
    if ((kind != "swap" && kind != "drill") || result != "done")
        throw bus::Error(bus::ErrorCode::refused,
                         fmt::format("The last operation was {} ({}), no finished swap; only a "
                                     "swap can be taken back.",
                                     kind, result));
    refuse_later_change(context, swap);
    return run_runbook(context, {"planned-swap", arguments});
}

} // namespace roleswap::cli
