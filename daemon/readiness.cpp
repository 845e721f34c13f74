#include "readiness.hpp"
#include <fmt/format.h>

namespace roleswap::daemon {
namespace {

using nlohmann::json;

std::string sentence(const work::Unready& one)
{
    return fmt::format("{}: {}: {}", one.task, one.what, one.value);
}

} // namespace

work::BindingWatch::Settings binding_settings(const Setup& setup, const std::string& conninfo)
{
    work::BindingWatch::Settings settings{
        .node = setup.config.nodes.at(setup.self).name, .nodes = {}, .conninfo = conninfo};
    const auto& nodes = setup.config.nodes;
    for (const auto node : {core::Node::first, core::Node::second, core::Node::dr})
        if (!nodes.at(node).name.empty()) settings.nodes.push_back(nodes.at(node).name);
    return settings;
}

void announce_readiness(Announcer& announcer, const work::BindingWatch::Report& report)
{
    if (!report.trouble.empty()) return; // the store's trouble is told by who needs it
    if (report.list.empty())
        return announcer.announce(
            "tasks_ready",
            fmt::format("all {} enabled tasks find what they need here", report.tasks));
    const auto more = report.list.size() - 1;
    announcer.announce(
        "tasks_unready",
        sentence(report.list.front()) +
            (more > 0 ? fmt::format(", and {} more: \"roleswap check\"", more) : ""));
}

json readiness_json(const work::BindingWatch::Report& report)
{
    json list = json::array();
    for (const auto& one : report.list)
        list.push_back(
            {{"task", one.task}, {"what", one.what}, {"value", one.value}, {"fix", one.fix}});
    return {{"tasks", report.tasks},
            {"unready", report.unready},
            {"trouble", report.trouble},
            {"list", std::move(list)}};
}

std::string readiness_warning(const std::string& node, const json& object)
{
    if (!object.is_object() || object.value("list", json::array()).empty()) return {};
    const auto& list = object.at("list");
    const auto& first = list.at(0);
    const auto more = list.size() - 1;
    return fmt::format("tasks on {}: {}: {}: {}{}", node, first.value("task", ""),
                       first.value("what", ""), first.value("value", ""),
                       more > 0 ? fmt::format(", and {} more: \"roleswap check\"", more) : "");
}

} // namespace roleswap::daemon
