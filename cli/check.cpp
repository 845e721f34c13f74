#include "base/time_text.hpp"
#include "commands.hpp"
#include "deadline.hpp"
#include "field.hpp"
#include "render.hpp"
#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <thread>

namespace roleswap::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
constexpr milliseconds slice{1000};
constexpr milliseconds next_slice{3000}; ///< of a drain comes within this, on a busy machine too
constexpr milliseconds pending_poll{20}; ///< the countdown is part of a swap, so it is quick

std::string pending_line(const json& result)
{
    return pending_text(member(result, "bytes"), number(result, "requests")) + ", " +
           printable(text(result, "state", "unknown"));
}

/// A standby that is away for a moment comes back; one the master goes on without does not count
/// down at all.
enum class Following : std::uint8_t { there, away, given_up };

Following follower_of(const json& result)
{
    const json& follows = member(result, "follows");
    if (!follows.is_boolean() || follows.get<bool>()) return Following::there;
    return text(result, "state") == "alone" ? Following::given_up : Following::away;
}

/// Something is not on the standby, or nobody knows whether it is.
bool is_pending(const json& result)
{
    return follower_of(result) != Following::there || member(result, "bytes").is_null() ||
           number(result, "bytes") > 0 || number(result, "requests") > 0;
}

std::string running_line(const json& result)
{
    std::string names;
    for (const json& run : list(result, "running"))
        names += (names.empty() ? "" : ", ") + printable(text(run, "task", "?"));
    return fmt::format("{} running: {}", list(result, "running").size(), names);
}

void clear_progress(const Context& context)
{
    context.progress("");
}

} // namespace

int check(Context& context)
{
    const json result = context.call("check");
    context.print(result, [&](const json& shown) { return render_check(shown, context.style); });
    return flag(result, "ready") ? exit_ok : exit_refused;
}

int pending(Context& context, const PendingOptions& options)
{
    const Deadline deadline("--timeout", options.timeout);
    json result = context.call("pending");
    while (options.wait && is_pending(result) && follower_of(result) != Following::given_up &&
           !deadline.over()) {
        context.progress("  " + pending_line(result));
        std::this_thread::sleep_for(std::min(pending_poll, deadline.left()));
        result = context.call("pending");
    }
    if (options.wait) clear_progress(context);
    context.print(result, [](const json& shown) { return pending_line(shown) + "\n"; });
    if (options.wait && follower_of(result) != Following::there)
        throw bus::Error(bus::ErrorCode::failed,
                         "No standby follows, so nothing counts down; see roleswap status.");
    return options.wait && is_pending(result) ? exit_failed : exit_ok;
}

WaitResult wait_for_pair(Context& context, const WaitOptions& options)
{
    std::string master;
    const Deadline deadline("--timeout", options.timeout);
    const Sync sync = options.in_sync ? Sync::required : Sync::any;
    PairState state{false, "no status yet"};
    while (true) {
        try {
            const json status = context.call("status");
            state = pair_state(status, options.master, sync);
            if (state.ok) master = nodes_of_role(status, "master").front();
            if (state.ok) break;
            if (deadline.over()) break;
            if (!state.refused.empty()) {
                clear_progress(context);
                throw bus::Error(bus::ErrorCode::refused, state.refused);
            }
            context.progress("  " + state.why);
            context.client().next_signal(std::min(milliseconds(250), deadline.left()));
        } catch (const bus::Error& error) {
            if (!passing(error) || deadline.over()) throw;
            context.disconnect();
            std::this_thread::sleep_for(std::min(milliseconds(100), deadline.left()));
        }
    }
    clear_progress(context);
    return {state.ok, state.why, master};
}

int wait(Context& context, const WaitOptions& options)
{
    const auto begin = Clock::now();
    const WaitResult result = wait_for_pair(context, options);
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
    context.print({{"ok", result.ok},
                   {"master", result.ok ? json(result.master) : json()},
                   {"why", result.why},
                   {"took_ms", took.count()}},
                  [](const json&) { return ""; });
    if (!result.ok)
        throw bus::Error(bus::ErrorCode::failed,
                         "After " + options.timeout + " " + result.why + ".");
    return exit_ok;
}

/// In slices, so that people see who is waited for; between two of them nothing is started either.
int drain(Context& context, const std::string& timeout)
{
    const Deadline deadline("--timeout", timeout);
    json result;
    while (true) {
        const milliseconds part = std::min(slice, deadline.left());
        json args{{"timeout_ms", part.count()}};
        if (part == slice) args["again_ms"] = next_slice.count();
        name_operation(args);
        result = context.call("drain", args, part + short_wait);
        if (flag(result, "drained") || deadline.over()) break;
        context.progress("  " + running_line(result));
    }
    clear_progress(context);
    context.print(result, [](const json& shown) {
        return flag(shown, "drained") ? "Nothing runs.\n" : running_line(shown) + "\n";
    });
    return flag(result, "drained") ? exit_ok : exit_failed;
}

} // namespace roleswap::cli
