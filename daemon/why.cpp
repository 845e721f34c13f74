#include "why.hpp"
#include "announcer.hpp"
#include "bus/error.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace roleswap::daemon {
namespace {

using durable::LoggedEvent;
using nlohmann::json;

constexpr std::size_t before_max = 8;

/// What can lead to a decision about roles; the work of tasks cannot.
bool leads_to_decisions(const LoggedEvent& event)
{
    constexpr std::array<std::string_view, 11> words{
        "link_up",       "link_down",  "link_unsteady", "boot",       "stopping", "guard_fired",
        "guard_started", "guard_lost", "store_trouble", "store_well", "disk_full"};
    if (!event.evidence.empty() || std::ranges::find(words, event.what) != words.end()) return true;
    return event.what.starts_with("witness_") || event.what.starts_with("fence");
}

bool moved_role(const json& evidence)
{
    const auto rule = evidence.find("rule");
    return rule != evidence.end() && rule->is_object();
}

/// A consequence of an earlier decision, not one of its own.
bool follows(const LoggedEvent& event)
{
    return event.what == "master" || event.what == "boot" || event.what == "resumed";
}

class Log {
public:
    explicit Log(const durable::EventLog& log) : events_(log.events()) {}

    json decision(std::size_t index) const
    {
        const auto& event = events_[index];
        auto object = json::parse(durable::to_json(event));
        object["evidence"] = evidence(index);
        object["before"] = before(index);
        return object;
    }

    /// Of all events with evidence the newest one that moved the role and the newest one.
    json newest() const
    {
        std::optional<std::size_t> any;
        std::optional<std::size_t> move;
        for (auto index = events_.size(); index-- > 0 && !move;) {
            const auto& event = events_[index];
            if (event.evidence.empty() || follows(event)) continue;
            if (!any) any = index;
            if (moved_role(evidence(index))) move = index;
        }
        json list = json::array();
        if (move) list.push_back(decision(*move));
        if (any && any != move) list.push_back(decision(*any));
        return list;
    }

    std::size_t find(std::uint64_t sequence, const std::string& node) const
    {
        const auto found = std::ranges::find(events_, sequence, &LoggedEvent::sequence);
        if (found != events_.end()) return static_cast<std::size_t>(found - events_.begin());
        if (events_.empty())
            throw bus::Error(bus::ErrorCode::not_found, fmt::format("{} has no events yet", node));
        throw bus::Error(bus::ErrorCode::not_found,
                         fmt::format("{} has no event {}: it keeps {} to {}; \"roleswap events\" "
                                     "shows their numbers",
                                     node, sequence, events_.front().sequence,
                                     events_.back().sequence));
    }

private:
    json evidence(std::size_t index) const
    {
        const auto& text = events_[index].evidence;
        return text.empty() ? json() : json::parse(text);
    }

    /// What happened since the change of role before this event, oldest first.
    json before(std::size_t index) const
    {
        json list = json::array();
        while (index-- > 0 && list.size() < before_max) {
            if (!leads_to_decisions(events_[index])) continue;
            list.push_back(json::parse(durable::to_json(events_[index])));
            if (moved_role(evidence(index))) break;
        }
        std::ranges::reverse(list);
        return list;
    }

    const std::deque<LoggedEvent>& events_;
};

json present(const Context& context)
{
    const auto& state = context.driver.state();
    auto object = present_evidence(context);
    object["waits"] = core::why_waiting(state);
    return object;
}

/// As in the configuration: a link to the node that is not the peer says whom it leads to.
std::string link_name(std::string name, const std::string& node)
{
    const auto suffix = " to " + node;
    if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
    return name;
}

std::string_view fence_word(config::Fence::Kind kind)
{
    using enum config::Fence::Kind;
    switch (kind) {
    case none:
        return "";
    case agent:
        return "agent";
    case serial:
        return "serial";
    case meatware:
        return "meatware";
    }
    return "";
}

} // namespace

Names evidence_names(const config::Config& config)
{
    Names names;
    for (const auto node : {core::Node::first, core::Node::second, core::Node::dr})
        names.nodes.at(static_cast<std::size_t>(node)) = config.nodes.at(node).name;
    names.probes = fmt::format("{}", fmt::join(config.pair.probes, ", "));
    if (config.witness)
        names.witness = fmt::format("{}", fmt::join(config.witness->endpoints, ", "));
    names.fence = fence_word(config.fence.kind);
    return names;
}

std::vector<LinkMoment> link_moments(const link::Transport& transport, const std::string& node)
{
    const auto now = event::Loop::now();
    std::vector<LinkMoment> moments;
    for (std::size_t index = 0; index < transport.links(); ++index) {
        const auto status = transport.status(index);
        LinkMoment moment{
            node, link_name(status.name, node), status.state == link::LinkState::up, {}};
        if (status.last_heard) moment.heard_ms = (now - *status.last_heard).count() / 1000;
        moments.push_back(std::move(moment));
    }
    return moments;
}

std::vector<LinkMoment> link_moments(const link::Transport& near, const link::Transport* third,
                                     core::Node self, const Names& names)
{
    const auto name = [&](core::Node node) {
        return names.nodes.at(static_cast<std::size_t>(node));
    };
    auto moments = link_moments(near, name(core::other(self)));
    if (third == nullptr) return moments;
    const auto more = link_moments(*third, name(core::third(self)));
    moments.insert(moments.end(), more.begin(), more.end());
    return moments;
}

std::vector<LinkMoment> link_moments(const Context& context)
{
    const auto* third = context.third == nullptr ? nullptr : &context.third->transport();
    return link_moments(context.transport, third, context.self, evidence_names(context.config));
}

json present_evidence(const Context& context)
{
    return to_json(core::evidence_now(context.driver.state()), link_moments(context),
                   evidence_names(context.config));
}

json why(const Context& context, std::uint64_t sequence)
{
    const Log log(context.log);
    json object{{"node", context.self_node().name}, {"at", wall_now()}};
    if (sequence != 0) {
        const auto index = log.find(sequence, context.self_node().name);
        object["decisions"] = json::array({log.decision(index)});
        return object;
    }
    object["now"] = present(context);
    object["decisions"] = log.newest();
    return object;
}

} // namespace roleswap::daemon
