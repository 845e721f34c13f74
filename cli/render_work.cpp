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

Paint run_paint(const std::string& state)
{
    if (state == "ok") return Paint::good;
    if (state == "held") return Paint::warn;
    if (state == "running" || state == "queued") return Paint::plain;
    return state.empty() || state == "skipped" ? Paint::faint : Paint::bad;
}

Paint level_paint(const std::string& level)
{
    if (level == "error") return Paint::bad;
    return level == "warning" ? Paint::warn : Paint::plain;
}

std::string json_text(const json& value)
{
    if (value.is_string()) return value.get<std::string>();
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// A backup task has no schedule of its own.
std::string schedule_text(const json& task)
{
    const auto primary = text(task, "backup_of");
    if (!primary.empty()) return fmt::format("for {} on {}", primary, text(task, "backup_on"));
    std::string after;
    for (const json& name : list(task, "after"))
        after += (after.empty() ? "after " : " and ") + json_text(name);
    const auto schedule = text(task, "schedule");
    return schedule + (schedule.empty() || after.empty() ? "" : "; ") + after;
}

/// Exit code or signal, and why where that is known.
std::string ending(const json& run)
{
    const std::string why = text(run, "why");
    std::string end;
    if (member(run, "signal").is_number())
        end = "signal " + text(run, "signal");
    else if (member(run, "exit_code").is_number())
        end = "exit " + text(run, "exit_code");
    if (end.empty() || why.empty()) return end + why;
    if (why.starts_with("exit code ") || why.starts_with("ended by signal ")) return why;
    return end + ", " + why;
}

/// What the task waits for, and who waits for it.
std::string links_text(const json& result)
{
    std::string out;
    for (const json& one : list(result, "waits_for")) {
        const auto run = text(one, "run");
        out += fmt::format("  {} ({}): {}\n", printable(text(one, "task")), text(one, "which"),
                           run.empty() ? "not yet"
                                       : fmt::format("{} in run {}, {}", text(one, "state"), run,
                                                     local_time(text(one, "at"))));
    }
    if (!out.empty()) out = "\nRuns after the next end of all of these:\n" + out;
    std::string followers;
    for (const json& name : list(result, "followers"))
        followers += " " + printable(json_text(name));
    if (!followers.empty()) out += "\nAfter it run:" + followers + "\n";
    return out;
}

/// The ends that brought a run, and the runs that came of it.
std::string origin_text(const json& run, const Style& style)
{
    const auto line = [&](const char* key, const std::string& words) {
        return words.empty()
                   ? ""
                   : paint(style, Paint::faint, fmt::format("{:<16}", key)) + words + "\n";
    };
    std::string after, next;
    for (const json& one : list(run, "after"))
        after += fmt::format("{}run {} of {}, {}", after.empty() ? "" : "; ", text(one, "run"),
                             printable(text(one, "task")), text(one, "state"));
    for (const json& one : list(run, "next"))
        next += fmt::format("{}{} run {} of {}, {}", next.empty() ? "" : "; ",
                            text(one, "cause") == "again" ? "repeated by" : "brought",
                            text(one, "run"), printable(text(one, "task")), text(one, "state"));
    return line("after", after) + line("next", next);
}

bool unset(const json& value)
{
    return value.is_null() || value == "" || value == json::array() || value == json::object();
}

} // namespace

std::string render_events(const json& result, const Style& style)
{
    std::string out;
    for (const json& event : list(result, "events"))
        out += fmt::format(
            "{} {:<12} {} {}\n", local_time(text(event, "at")),
            printable(fmt::format("{}:{}", text(event, "node"), number(event, "seq"))),
            paint(style, level_paint(text(event, "level")), printable(text(event, "what"))),
            printable(text(event, "why")));
    return out;
}

std::string render_check(const json& result, const Style& style)
{
    Table table({{"CHECK"}, {"NODE"}, {"RESULT"}, {"VALUE"}, {"ALLOWED"}});
    std::string fixes;
    for (const json& check : list(result, "checks")) {
        const bool ok = flag(check, "ok");
        const bool fail = text(check, "level", "fail") == "fail";
        const Paint colour = ok ? Paint::good : (fail ? Paint::bad : Paint::warn);
        table.row({text(check, "id"),
                   text(check, "node"),
                   {ok ? "ok" : (fail ? "FAIL" : "warning"), colour},
                   text(check, "value", "-"),
                   text(check, "limit")});
        if (!ok && !text(check, "fix").empty())
            fixes += wrap(printable(fmt::format("{} on {}: {}", text(check, "id"),
                                                text(check, "node"), text(check, "fix"))),
                          style.width, 2) +
                     "\n";
    }
    const bool ready = flag(result, "ready");
    const std::string verdict =
        ready ? "Ready: a swap can be done now." : "Not ready: what is marked FAIL hinders a swap.";
    return table.text(style) + (fixes.empty() ? "" : "\nWhat to do:\n" + fixes) + "\n" +
           paint(style, ready ? Paint::good : Paint::bad, verdict) + "\n";
}

std::string render_tasks(const json& result, const Style& style)
{
    Table table({{"TASK"}, {"SCHEDULE"}, {"QUEUE"}, {"NEXT"}, {"LAST"}, {"ENDED"}});
    for (const json& task : list(result, "tasks")) {
        const bool enabled = !member(task, "enabled").is_boolean() || flag(task, "enabled");
        const json& last = member(task, "last");
        const bool running = number(task, "running") > 0;
        const std::string state = running ? "running" : text(last, "state");
        table.row({{text(task, "name"), enabled ? Paint::plain : Paint::faint},
                   schedule_text(task),
                   text(task, "queue"),
                   enabled ? local_time(text(task, "next_due", "-")) : "disabled",
                   {state.empty() ? "-" : state, run_paint(state)},
                   running ? "" : local_time(text(last, "ended_at", "-"))});
    }
    return table.empty() ? "There are no tasks.\n" : table.text(style);
}

namespace {

bool is_time(const std::string& key)
{
    return key == "due" || key.ends_with("_at");
}

/// One field as people read it; programs have --json.
std::string field_line(std::string key, const json& value, const Style& style)
{
    std::string shown = json_text(value);
    const auto cut = [&key](std::string_view unit) {
        if (!key.ends_with(unit)) return false;
        key.resize(key.size() - unit.size());
        return true;
    };
    if (is_time(key)) {
        shown = local_time(shown);
    } else if (value.is_number_integer()) {
        const auto number = value.get<std::int64_t>();
        const auto bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0));
        if (cut("_ms"))
            shown = number == 0 ? "0 s" : base::human_duration(std::chrono::milliseconds(number));
        else if (cut("_kib"))
            shown = base::human_bytes(bytes * 1024);
        else if (key.ends_with("_bytes"))
            shown = base::human_bytes(bytes);
    }
    return paint(style, Paint::faint, fmt::format("{:<16}", key)) + printable(shown) + "\n";
}

} // namespace

std::string unready_lines(const json& result)
{
    std::string lines;
    for (const json& one : list(result, "unready"))
        lines += fmt::format("Not ready on {}: {}: {}: {}; {}\n", text(one, "node"),
                             printable(text(one, "task")), printable(text(one, "what")),
                             printable(text(one, "value")), text(one, "fix"));
    return lines;
}

std::string render_task(const json& result, const Style& style)
{
    std::string out;
    const json& task = member(result, "task");
    if (task.is_object())
        for (const auto& [key, value] : task.items())
            if (!unset(value)) out += field_line(key, value, style);
    const json& due = member(result, "next_due");
    if (due.is_string()) out += "\nNext due: " + local_time(due.get<std::string>()) + "\n";
    if (due.is_array() && !due.empty()) {
        out += "\nNext due:\n";
        for (const json& time : due)
            if (time.is_string()) out += "  " + local_time(time.get<std::string>()) + "\n";
    }
    out += links_text(result);
    if (!list(result, "runs").empty()) out += "\n" + render_runs(result, style);
    return out;
}

std::string render_runs(const json& result, const Style& style)
{
    const auto& runs = list(result, "runs");
    const bool ranked =
        std::ranges::any_of(runs, [](const json& run) { return number(run, "priority") != 0; });
    std::vector<Table::Column> columns{{"RUN", Align::right}, {"TASK"}, {"DUE"}};
    if (ranked) columns.push_back({"PRIO", Align::right});
    columns.insert(columns.end(),
                   {{"STATE"}, {"NODE"}, {"TRY", Align::right}, {"TOOK", Align::right}, {"END"}});
    Table table(std::move(columns));
    for (const json& run : runs) {
        const std::string state = text(run, "state");
        std::vector<Table::Cell> cells{text(run, "id"), text(run, "task"),
                                       local_time(text(run, "due", "-"))};
        if (ranked) cells.emplace_back(text(run, "priority"));
        cells.insert(cells.end(),
                     {Table::Cell{state, run_paint(state)}, text(run, "node", "-"),
                      text(run, "attempt"),
                      span_text(text(run, "started_at"), text(run, "ended_at")), ending(run)});
        table.row(std::move(cells));
    }
    return table.empty() ? "There are no runs.\n" : table.text(style);
}

std::string render_run(const json& result, const Style& style)
{
    const json& run = member(result, "run").is_object() ? member(result, "run") : result;
    std::string out;
    for (const auto& [key, value] : run.items())
        if (key != "output" && key != "memory" && key != "after" && key != "next" && !unset(value))
            out += field_line(key, value, style);
    out += origin_text(run, style);
    if (const auto memory = memory_text(member(run, "memory"), style); !memory.empty())
        out += paint(style, Paint::faint, fmt::format("{:<16}", "memory")) + memory;
    const std::string output = text(run, "output");
    if (output.empty()) return out;
    if (flag(run, "truncated"))
        out += fmt::format("\nOutput, the last {} of {}; {}:\n", base::human_bytes(output.size()),
                           base::human_bytes(static_cast<std::uint64_t>(
                               std::max<std::int64_t>(number(run, "output_bytes"), 0))),
                           how_to_keep_more);
    else
        out += "\nOutput:\n";
    out += printable(output, Lines::keep);
    return output.ends_with('\n') ? out : out + "\n";
}

std::string render_operation(const json& result, const Style& style)
{
    const json& operation = member(result, "operation");
    if (!operation.is_object()) return "There was no operation yet.\n";
    std::string out = fmt::format("{} {}, begun {} on {}: {}\n", printable(text(operation, "kind")),
                                  text(operation, "id"), local_time(text(operation, "started_at")),
                                  printable(text(operation, "node", "?")),
                                  printable(text(operation, "result", "not ended")));
    if (const std::string why = text(operation, "why"); !why.empty()) out += printable(why) + "\n";
    Table table({{"STEP"}, {"STATE"}, {"AT"}, {"TOOK", Align::right}, {"DETAIL"}});
    for (const json& step : list(operation, "steps")) {
        if (text(step, "state") == "start" && &step != &list(operation, "steps").back()) continue;
        const json& took = member(step, "took_ms");
        table.row({text(step, "step"), text(step, "state"), local_time(text(step, "at")),
                   took.is_number()
                       ? base::human_duration(std::chrono::milliseconds(took.get<std::int64_t>()))
                       : "-",
                   text(step, "detail")});
    }
    return table.empty() ? out : out + "\n" + table.text(style);
}

} // namespace roleswap::cli
