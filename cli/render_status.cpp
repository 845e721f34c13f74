#include "base/time_text.hpp"
#include "field.hpp"
#include "render.hpp"
#include "table.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

std::string role_of(const json& node)
{
    return flag(node, "reachable") ? text(node, "role", "?") : "unreachable";
}

Paint role_paint(const std::string& role)
{
    if (role == "master") return Paint::good;
    if (role == "standby" || role == "dr") return Paint::strong;
    return role == "unreachable" ? Paint::bad : Paint::warn;
}

/// How far the dr node is behind; empty where nobody can tell.
std::string lag_of(const json& node)
{
    const json& mirror = member(node, "mirror");
    if (!mirror.is_object()) return {};
    if (!flag(mirror, "streaming")) return "not streaming";
    return fmt::format("{}, {} behind",
                       base::human_bytes(static_cast<std::uint64_t>(number(mirror, "lag_bytes"))),
                       base::human_duration(std::chrono::milliseconds(number(mirror, "lag_ms"))));
}

std::string mode_of(const json& node)
{
    if (const auto lag = lag_of(node); !lag.empty()) return lag;
    if (!flag(node, "reachable")) return "-";
    if (text(node, "role") == "standby") return flag(node, "in_sync") ? "in sync" : "not in sync";
    return text(node, "mode", "-");
}

std::string store_of(const json& node)
{
    if (const std::string copy = copy_text(node); !copy.empty()) return copy;
    const json& store = member(node, "store");
    const std::string kind = text(store, "kind");
    const std::string state = (kind == "external" ? "external, " : "") + text(store, "state", "-");
    const std::string position = text(store, "position");
    return position.empty() ? state : state + " " + position;
}

std::string nodes_table(const json& status, const Style& style)
{
    Table table({{"NODE"}, {"ROLE"}, {"EPOCH", Align::right}, {"MODE"}, {"STORE"}, {"SINCE"}});
    const std::string now = text(status, "at");
    for (const json& node : list(status, "nodes")) {
        const std::string role = role_of(node);
        const std::string mode = mode_of(node);
        const bool weak = mode == "alone" || mode == "not in sync";
        table.row({text(node, "name"),
                   {role, role_paint(role)},
                   text(node, "epoch", "-"),
                   {mode, weak ? Paint::warn : Paint::plain},
                   store_of(node),
                   span_text(text(node, "since"), now)});
    }
    return table.text(style);
}

std::string replication_line(const json& status)
{
    const json& replication = member(status, "replication");
    const std::string link = text(replication, "link");
    return fmt::format("{}{}, {}", text(replication, "state", "unknown"),
                       link.empty() ? "" : " over " + link,
                       pending_text(member(replication, "pending_bytes"),
                                    number(replication, "pending_requests")));
}

std::string tasks_line(const json& status)
{
    const json& tasks = member(status, "tasks");
    std::string line = fmt::format("{} of {} enabled, {} running", number(tasks, "enabled"),
                                   number(tasks, "total"), number(tasks, "running"));
    const json& next = member(tasks, "next");
    if (next.is_object() && !text(next, "task").empty())
        line += fmt::format(", next is {} in {}", text(next, "task"),
                            span_text(text(status, "at"), text(next, "due")));
    return line;
}

std::string operation_line(const json& operation)
{
    const json& steps = list(operation, "steps");
    return fmt::format("{} {} by {}, at step {}", text(operation, "kind"), text(operation, "id"),
                       text(operation, "begun_by", "?"),
                       steps.empty() ? "-" : text(steps.back(), "step", "-"));
}

/// "Label        value", the value wrapped into the width.
std::string item(const Style& style, std::string_view label, const std::string& value,
                 Paint colour = Paint::plain)
{
    constexpr std::size_t indent = 13;
    std::string body = wrap(printable(value), style.width, indent);
    if (body.size() < indent) return {};
    body.erase(0, indent);
    return paint(style, Paint::faint, fmt::format("{:<{}}", label, indent)) +
           paint(style, colour, body) + "\n";
}

std::string pause_line(const json& pause)
{
    const auto reason = text(pause, "reason");
    return fmt::format("all, by {} since {}{}", text(pause, "by", "?"),
                       local_time(text(pause, "at")), reason.empty() ? "" : ": " + reason);
}

std::string queues_part(const json& status, const Style& style)
{
    const json& queues = list(status, "queues");
    if (queues.empty()) return {};
    std::size_t held = 0;
    for (const json& queue : queues) held += flag(queue, "held") ? 1 : 0;
    if (held > 0) return "\n" + render_queues(status, style);
    return item(style, "Queues", fmt::format("{}, none held", queues.size()));
}

/// A base backup under way, with what is left of it.
std::string copies_part(const json& status, const Style& style)
{
    std::string part;
    for (const json& node : list(status, "nodes")) {
        const std::string bar = copy_bar(node);
        if (bar.empty()) continue;
        part += item(style, part.empty() ? "Copy" : "", text(node, "name") + ": " + bar);
    }
    return part;
}

std::string changes_part(const json& status, const Style& style)
{
    std::string part;
    for (const json& node : list(status, "nodes")) {
        const json& change = member(node, "last_change");
        if (!change.is_object() || text(change, "what").empty()) continue;
        part += item(style, part.empty() ? "Last change" : "",
                     fmt::format("{} {}: {}: {}", local_time(text(change, "at")),
                                 text(node, "name"), text(change, "what"), text(change, "why")));
    }
    for (const json& node : list(status, "nodes")) {
        const json& store = member(node, "store");
        const json& rejoin = member(store, "rejoin");
        if (!rejoin.is_object()) continue;
        const bool done = text(store, "state") != "down"; // it follows, or led since
        part += item(style, done ? "Rejoined" : "Rejoins",
                     fmt::format("{} by {}: {}", text(node, "name"), text(rejoin, "way"),
                                 text(rejoin, "why")));
    }
    return part;
}

std::string notes_part(const json& status, const Style& style)
{
    std::string part;
    for (const json& line : list(status, "guarantees"))
        if (line.is_string()) part += item(style, "Guarantee", line.get<std::string>());
    for (const json& line : list(status, "unsafe"))
        if (line.is_string()) part += item(style, "Unsafe", line.get<std::string>(), Paint::warn);
    for (const json& line : list(status, "warnings"))
        if (line.is_string()) part += item(style, "Warning", line.get<std::string>(), Paint::warn);
    return part;
}

std::string work_part(const json& status, const Style& style)
{
    const json& scheduler = member(status, "scheduler");
    const std::string state = text(scheduler, "state", "unknown");
    const std::string reason = text(scheduler, "reason");
    std::string part = item(style, "Replication", replication_line(status));
    part += copies_part(status, style);
    part += item(style, "Scheduler", reason.empty() ? state : state + ": " + reason,
                 state == "running" ? Paint::plain : Paint::warn);
    if (const json& pause = member(status, "paused"); pause.is_object())
        part += item(style, "Paused", pause_line(pause), Paint::warn);
    part += item(style, "Tasks", tasks_line(status));
    if (const auto held = held_line(member(status, "held")); !held.empty())
        part += item(style, "Held", held, Paint::warn);
    part += item(style, "Agents", agents_text(status));
    if (const json& operation = member(status, "operation"); operation.is_object())
        part += item(style, "Operation", operation_line(operation), Paint::warn);
    return part;
}

/// What came over a link and was not taken: "lan-a: 3 forged, 1 wrong pair".
std::string rejected_part(const json& result, const Style& style)
{
    std::string part;
    for (const json& link : list(result, "links")) {
        const json& rejected = member(link, "rejected");
        if (!rejected.is_object() || rejected.empty()) continue;
        std::string counts;
        for (const auto& [reason, count] : rejected.items())
            counts += (counts.empty() ? "" : ", ") + count.dump() + " " + reason;
        part += item(style, part.empty() ? "Not taken" : "", text(link, "name") + ": " + counts,
                     Paint::plain);
    }
    return part;
}

std::string links_table(const json& result, const Style& style)
{
    Table table({{"LINK"},
                 {"STATE"},
                 {"RTT", Align::right},
                 {"LOSS", Align::right},
                 {"HERE"},
                 {"PEER"},
                 {"USE"}});
    for (const json& link : list(result, "links")) {
        const bool up = text(link, "state") == "up";
        const json& rtt = member(link, "rtt_ms");
        const json& loss = member(link, "loss_percent");
        table.row({text(link, "name"),
                   {text(link, "state", "?"), up ? Paint::good : Paint::bad},
                   rtt.is_number() && up ? fmt::format("{:.2f} ms", rtt.get<double>()) : "-",
                   loss.is_number() ? fmt::format("{:.1f} %", loss.get<double>()) : "-",
                   text(link, "local", "-"),
                   text(link, "remote", "-"),
                   flag(link, "in_use")             ? "replication"
                   : text(link, "kind") == "serial" ? "heartbeats"
                                                    : ""});
    }
    return table.text(style);
}

} // namespace

std::string render_status(const json& status, const Style& style)
{
    std::string out = paint(style, Paint::strong, "Pair " + printable(text(status, "pair"))) +
                      fmt::format(", seen by {} at {}\n\n", printable(text(status, "node")),
                                  local_time(text(status, "at")));
    out += nodes_table(status, style) + "\n";
    out += links_table(status, style) + "\n";
    out += work_part(status, style);
    out += queues_part(status, style);
    const std::string rest = changes_part(status, style) + notes_part(status, style);
    return rest.empty() ? out : out + "\n" + rest;
}

std::string render_links(const json& result, const Style& style)
{
    const std::string part = rejected_part(result, style);
    return links_table(result, style) + (part.empty() ? "" : "\n" + part);
}

std::string render_bar(const json& status, const Style& style)
{
    std::string bar = printable(text(status, "pair")) + ":";
    for (const json& node : list(status, "nodes")) {
        const std::string role = role_of(node);
        const std::string name = " " + printable(text(node, "name")) + " ";
        const bool behind = role == "standby" && !flag(node, "in_sync");
        bar += name + paint(style, role_paint(role), role) + (behind ? " (not in sync)" : "");
        bar += ",";
    }
    std::size_t up = 0;
    for (const json& link : list(status, "links")) up += text(link, "state") == "up" ? 1 : 0;
    const std::size_t all = list(status, "links").size();
    bar += " " + paint(style, up == all ? Paint::plain : Paint::warn,
                       fmt::format("links {}/{}", up, all));
    if (member(status, "paused").is_object()) bar += ", " + paint(style, Paint::warn, "paused");
    if (text(member(status, "scheduler"), "state") == "stopped")
        bar += ", " + paint(style, Paint::warn, "scheduler stopped");
    return bar;
}

std::string render_queues(const json& result, const Style& style)
{
    std::vector<Table::Column> header{
        {"QUEUE"}, {"STATE"}, {"RUNNING", Align::right}, {"WAITING", Align::right}, {"REASON"}};
    const json& queues = list(result, "queues");
    const bool agents = std::ranges::any_of(
        queues, [](const json& queue) { return !text(queue, "agent").empty(); });
    if (agents) header.insert(header.end() - 1, {"AGENT"});
    Table table(header);
    for (const json& queue : queues) {
        const bool held = flag(queue, "held");
        std::vector<Table::Cell> cells{text(queue, "name"),
                                       {held ? "held" : "open", held ? Paint::warn : Paint::plain},
                                       text(queue, "running", "0"),
                                       text(queue, "waiting", "0") +
                                           (flag(queue, "more") ? "+" : ""),
                                       text(queue, "reason")};
        if (agents) cells.insert(cells.end() - 1, text(queue, "agent"));
        table.row(std::move(cells));
    }
    return table.text(style);
}

} // namespace roleswap::cli
