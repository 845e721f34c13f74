#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;
constexpr milliseconds follow_max{1000}; ///< the peer's events come without a signal of ours

/// The events of both nodes in one list by time.
class Merged {
public:
    explicit Merged(Context& context) : context_(context)
    {
        if (!context.options.node.empty())
            names_ = {context.options.node};
        else
            names_ = nodes_of_role(context.call("status"), "");
    }

    /// At most `limit` of each node that are newer than those already fetched.
    json fetch(unsigned limit)
    {
        std::vector<json> all;
        for (const std::string& name : names_)
            for (const json& event : of_node(name, limit)) all.push_back(event);
        std::ranges::stable_sort(all, {}, [](const json& event) { return text(event, "at"); });
        return {{"events", all}};
    }

private:
    json of_node(const std::string& name, unsigned limit)
    {
        json args{{"node", name}, {"limit", limit}};
        const auto known = newest_.find(name);
        if (known != newest_.end()) args["after"] = known->second;
        try {
            const json events = list(context_.call("events", args), "events");
            for (const json& event : events)
                newest_[name] = std::max(newest_[name], number(event, "seq"));
            missing_.erase(name);
            return events;
        } catch (const bus::Error& error) {
            if (error.code() != bus::ErrorCode::unreachable || names_.size() == 1) throw;
            if (missing_.emplace(name, true).second)
                fmt::print(stderr, "roleswap: the events of {} are missing: {}\n", name,
                           error.what());
            return json::array();
        }
    }

    Context& context_;
    std::vector<std::string> names_;
    std::map<std::string, std::int64_t> newest_;
    std::map<std::string, bool> missing_;
};

void print_lines(Context& context, const json& result)
{
    if (context.for_people()) {
        fmt::print("{}", render_events(result, context.style));
    } else {
        for (const json& event : result["events"])
            fmt::print("{}\n", event.dump(-1, ' ', false, json::error_handler_t::replace));
    }
    std::fflush(stdout);
}

void keep_newest(json& result, unsigned limit)
{
    auto& events = result["events"];
    if (events.size() > limit)
        events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(limit));
}

} // namespace

int events(Context& context, const EventsOptions& options)
{
    Merged merged(context);
    json result = merged.fetch(options.limit);
    keep_newest(result, options.limit);
    if (!options.follow) {
        context.print(result,
                      [&](const json& shown) { return render_events(shown, context.style); });
        return exit_ok;
    }
    while (true) {
        print_lines(context, result);
        context.client().next_signal(follow_max);
        result = merged.fetch(1000);
    }
}

} // namespace roleswap::cli
