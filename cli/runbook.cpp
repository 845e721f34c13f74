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
    const json answer = context.call("operation_show");
    const json& last = member(answer, "operation");
    const std::string kind = text(last, "kind");
    const std::string result = text(last, "result");
    if ((kind != "swap" && kind != "drill") || result != "done")
        throw bus::Error(bus::ErrorCode::refused,
                         last.is_object()
                             ? fmt::format("The last operation was {} ({}), no finished swap; only "
                                           "a swap can be taken back.",
                                           kind, result.empty() ? "still open" : result)
                             : "There was no operation yet; only a swap can be taken back.");
    return run_runbook(context, {"planned-swap", arguments});
}

} // namespace roleswap::cli
