#include "base/time_text.hpp"
#include "field.hpp"
#include "render.hpp"
#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

/// What ages count from: a decision of the past, or now.
enum class Moment : std::uint8_t { then, now };

std::string_view ago(Moment moment)
{
    return moment == Moment::now ? "ago" : "before";
}

/// To the millisecond where a limit of the protocol may be near.
std::string exact(const json& object, std::string_view key)
{
    const auto ms = number(object, key);
    return ms < 10'000 ? fmt::format("{} ms", ms)
                       : base::human_duration(std::chrono::milliseconds(ms));
}

/// "Label        value", the value wrapped into the width.
std::string fact(const Style& style, std::string_view label, const std::string& value)
{
    constexpr std::size_t indent = 11;
    std::string body = wrap(printable(value), style.width, indent);
    if (body.size() < indent) return {};
    body.erase(0, indent);
    return paint(style, Paint::faint, fmt::format("{:<{}}", label, indent)) + body + "\n";
}

std::string record_text(const json& record)
{
    const auto epoch = number(record, "epoch");
    if (epoch == 0) return "no epoch";
    const std::string master = text(record, "master");
    return fmt::format("epoch {}{}, {}", epoch, master.empty() ? "" : " of " + master,
                       text(record, "mode", "?"));
}

std::string rule_text(const json& rule)
{
    return fmt::format("{} to {} by {}: {}", text(rule, "from", "?"), text(rule, "to", "?"),
                       text(rule, "event", "?"), text(rule, "why"));
}

std::string own_text(const json& evidence)
{
    std::string line = text(evidence, "role", "?");
    if (number(evidence, "role_ms") > 0) line += " for " + exact(evidence, "role_ms");
    line += "; record: " + record_text(member(evidence, "record"));
    if (text(evidence, "role") == "standby")
        line += flag(evidence, "in_sync") ? "; in sync" : "; not in sync";
    if (flag(evidence, "suspended")) line += "; its work is suspended";
    if (flag(evidence, "hold")) line += "; takeover is on hold here";
    return line;
}

std::string peer_text(const json& evidence, Moment moment)
{
    const json& peer = member(evidence, "peer");
    if (!peer.is_object()) return "nothing was heard of it since the daemon of this node started";
    std::string line =
        fmt::format("heard {} {} as {}, record: {}", exact(peer, "heard_ms"), ago(moment),
                    text(peer, "role", "?"), record_text(member(peer, "record")));
    line += member(peer, "answer_ms").is_number()
                ? fmt::format("; the newest message of this node that it answered was {} old",
                              exact(peer, "answer_ms"))
                : "; it has answered nothing yet";
    if (number(peer, "silence_ms") < number(peer, "heard_ms"))
        line += fmt::format("; {} of it count as silence", exact(peer, "silence_ms"));
    if (flag(peer, "leaving")) line += "; it is stopping";
    if (flag(peer, "hold")) line += "; takeover is on hold there";
    return line;
}

std::string lease_text(const json& evidence)
{
    const json& lease = member(evidence, "lease");
    return fmt::format("the newest answer is {} old; at {} work is suspended, at {} this node "
                       "decides, at {} the peer may claim",
                       exact(lease, "age_ms"), exact(lease, "suspend_ms"),
                       exact(lease, "decide_ms"), exact(lease, "claim_ms"));
}

std::string promise_text(const json& evidence)
{
    return fmt::format("no claim before {} of silence on every link; it is {}",
                       exact(evidence, "promise_ms"),
                       exact(member(evidence, "peer"), "silence_ms"));
}

std::string third_text(const json& third, Moment moment)
{
    const std::string name = text(third, "name", "?") + ": ";
    if (!member(third, "heard_ms").is_number())
        return name + "nothing was heard of it since the daemon of this node started";
    std::string line =
        fmt::format("{}heard {} {} as {}, record: {}", name, exact(third, "heard_ms"), ago(moment),
                    text(third, "role", "?"), record_text(member(third, "record")));
    if (number(third, "silence_ms") < number(third, "heard_ms"))
        line += fmt::format("; {} of it count as silence", exact(third, "silence_ms"));
    return line + (flag(third, "leaving") ? "; it is stopping" : "");
}

/// The peer, which the dr node has none of, and the nodes that are not the peer.
std::string others_part(const json& evidence, Moment moment, const Style& style)
{
    const json& thirds = list(evidence, "thirds");
    std::string part;
    if (thirds.size() < 2) part += fact(style, "Peer", peer_text(evidence, moment));
    std::string_view label = "Others";
    for (const json& third : thirds) {
        part += fact(style, label, third_text(third, moment));
        label = "";
    }
    return part;
}

std::string positions_text(const json& evidence)
{
    const json& peer = member(evidence, "peer");
    std::string line =
        fmt::format("here {} ({})", text(evidence, "position", "?"), text(evidence, "store", "?"));
    if (peer.is_object())
        line +=
            fmt::format(", peer {} ({})", text(peer, "position", "?"), text(peer, "store", "?"));
    for (const json& third : list(evidence, "thirds"))
        if (member(third, "heard_ms").is_number())
            line += fmt::format(", {} {} ({})", text(third, "name", "?"),
                                text(third, "position", "?"), text(third, "store", "?"));
    return line;
}

std::string link_text(const json& link, Moment moment)
{
    return text(link, "name") + " " + text(link, "state", "?") + ", " +
           (member(link, "heard_ms").is_number()
                ? fmt::format("heard {} {}", exact(link, "heard_ms"), ago(moment))
                : "never heard");
}

/// One line for each node at the other end; its name where there are two.
std::string links_part(const json& evidence, Moment moment, const Style& style)
{
    std::vector<std::pair<std::string, std::string>> lines; // node, its links
    for (const json& link : list(evidence, "links")) {
        const std::string node = text(link, "node");
        if (lines.empty() || lines.back().first != node) lines.emplace_back(node, "");
        std::string& line = lines.back().second;
        line += (line.empty() ? "" : "; ") + link_text(link, moment);
    }
    std::string part;
    for (const auto& [node, line] : lines)
        part += fact(style, part.empty() ? "Links" : "",
                     lines.size() > 1 ? "to " + node + ": " + line : line);
    return part;
}

std::string probe_text(const json& evidence)
{
    const json& probe = member(evidence, "probe");
    if (!flag(probe, "asked"))
        return "not asked: they are while the peer leaves messages unanswered";
    std::string line = flag(probe, "reached")    ? "one answers"
                       : flag(probe, "answered") ? "none answers"
                                                 : "asked, no answer yet";
    if (number(probe, "misses") > 0)
        line += fmt::format(", {} questions in a row without an answer", number(probe, "misses"));
    if (flag(probe, "was_cut_off")) line += ", this node was cut off for a while";
    return line;
}

std::string witness_text(const json& evidence)
{
    const json& witness = member(evidence, "witness");
    const json& holds = member(witness, "holds");
    return text(witness, "answer", "?") +
           (holds.is_object() ? ": it holds " + verdict_text(holds) : "");
}

std::string guard_text(const json& evidence)
{
    const json& guard = member(evidence, "guard");
    if (flag(guard, "fired"))
        return "it had ended all work before this daemon ran again; all ages here are of the last "
               "time it ran";
    if (!flag(guard, "ready")) return "it is gone";
    if (!member(guard, "deadline_ms").is_number()) return "watches, no deadline is set";
    const auto left = number(guard, "deadline_ms");
    return left == 0 ? "its deadline is over" : "ends all work in " + exact(guard, "deadline_ms");
}

std::string settings_part(const json& evidence, const Style& style)
{
    std::string part;
    for (const json& knob : list(evidence, "settings"))
        part += fact(style, part.empty() ? "Settings" : "",
                     fmt::format("{} = {}: {}", text(knob, "setting"), text(knob, "value"),
                                 text(knob, "effect")));
    return part.empty() ? fact(style, "Settings", "none would have changed this") : part;
}

std::string facts_part(const json& evidence, Moment moment, const Style& style)
{
    std::string part = fact(style, "This node", own_text(evidence));
    part += others_part(evidence, moment, style);
    if (evidence.contains("lease")) part += fact(style, "Lease", lease_text(evidence));
    if (evidence.contains("promise_ms")) part += fact(style, "Promise", promise_text(evidence));
    part += fact(style, "Positions", positions_text(evidence));
    part += links_part(evidence, moment, style);
    if (evidence.contains("probe")) part += fact(style, "Probes", probe_text(evidence));
    if (evidence.contains("witness")) part += fact(style, "Witness", witness_text(evidence));
    if (evidence.contains("fence")) part += fact(style, "Fence", text(evidence, "fence"));
    if (evidence.contains("guard")) part += fact(style, "Guard", guard_text(evidence));
    return part + settings_part(evidence, style);
}

std::string earlier_part(const json& decision, const Style& style)
{
    std::string part;
    for (const json& event : list(decision, "before"))
        part += fact(style, part.empty() ? "Before it" : "",
                     fmt::format("{} {}: {}", local_time(text(event, "at")), text(event, "what"),
                                 text(event, "why")));
    return part;
}

std::string decision_part(const json& decision, const Style& style)
{
    std::string part =
        paint(
            style, Paint::strong,
            printable(fmt::format("{}:{}  {}  {}", text(decision, "node"), number(decision, "seq"),
                                  local_time(text(decision, "at")), text(decision, "what")))) +
        "\n" + wrap(printable(text(decision, "why")), style.width, 2) + "\n\n";
    const json& evidence = member(decision, "evidence");
    if (!evidence.is_object())
        return part + fact(style, "", "No decision about roles: no evidence is kept.") +
               earlier_part(decision, style);
    if (const json& rule = member(evidence, "rule"); rule.is_object())
        part += fact(style, "Rule", rule_text(rule));
    return part + facts_part(evidence, Moment::then, style) + earlier_part(decision, style);
}

std::string present_part(const json& result, const Style& style)
{
    const json& now = member(result, "now");
    std::string part = paint(style, Paint::strong,
                             printable(fmt::format("{} is {} now", text(result, "node"),
                                                   text(now, "role", "?")))) +
                       "\n";
    if (const std::string waits = text(now, "waits"); !waits.empty())
        part += wrap(printable(waits), style.width, 2) + "\n";
    part += "\n";
    if (const json& rule = member(now, "rule"); rule.is_object())
        part += fact(style, "Rule", rule_text(rule));
    return part + facts_part(now, Moment::now, style);
}

} // namespace

std::string render_why(const json& result, const Style& style)
{
    std::string out;
    if (member(result, "now").is_object()) out += present_part(result, style);
    for (const json& decision : list(result, "decisions"))
        out += (out.empty() ? "" : "\n") + decision_part(decision, style);
    return out;
}

} // namespace roleswap::cli
