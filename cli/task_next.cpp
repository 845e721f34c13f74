#include "commands.hpp"
#include "config/config.hpp"
#include "field.hpp"
#include "table.hpp"
#include "task/error.hpp"
#include "task/preview.hpp"
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

/// "2026-03-29T03:00:00+02:00" with blanks: the offset stays, as it tells two equal times apart.
std::string readable(std::string text)
{
    if (text.size() == 24 && text.ends_with(".000Z")) text.resize(19); // in UTC, as the title says
    if (text.size() > 10 && text[10] == 'T') text[10] = ' ';
    return text.size() == 25 ? text.insert(19, " ") : text;
}

std::string render_next(const json& result, const Style& style)
{
    std::vector<Table::Column> header{{"DUE IN " + text(result, "timezone")}, {"UTC"}};
    const json& times = list(result, "next");
    const bool delayed = !times.empty() && times[0].contains("start");
    if (delayed) header.push_back({"START IN UTC"});
    Table table(std::move(header));
    for (const json& time : times) {
        std::vector<Table::Cell> cells{readable(text(time, "local")), readable(text(time, "due"))};
        if (delayed) cells.emplace_back(readable(text(time, "start")));
        table.row(std::move(cells));
    }
    const std::string why = text(result, "why");
    return (table.empty() ? "" : table.text(style)) +
           (why.empty() ? "" : "Mind: " + printable(why) + ".\n");
}

int next_of_all(Context& context, std::size_t most)
{
    std::vector<json> due;
    const json tasks = context.call("task_list"); // outlives the loop over its part
    for (const json& task : list(tasks, "tasks"))
        if (member(task, "next_due").is_string())
            due.push_back({{"due", task["next_due"]}, {"task", text(task, "name")}});
    std::ranges::sort(due, {}, [](const json& entry) { return text(entry, "due"); });
    if (due.size() > most) due.resize(most);
    context.print(json{{"next", due}}, [](const json& result) {
        std::string lines;
        for (const json& entry : result["next"])
            lines += local_time(text(entry, "due")) + "  " + printable(text(entry, "task")) + "\n";
        return lines.empty() ? std::string("Nothing is due.\n") : lines;
    });
    return exit_ok;
}

/// As of a task without a zone of its own, where this server has a configuration.
std::string default_zone(const Context& context)
{
    if (!std::filesystem::exists(context.config_path())) return "";
    return context.load_config().work.defaults.timezone;
}

/// Takes a point in time, or the begin of a day by the clock of the zone; the result is the second
/// before it.
task::Time before(const std::string& from, const task::Zone& zone)
{
    using namespace std::chrono;
    if (from.empty()) return floor<seconds>(system_clock::now());
    const auto time = parse_time(from.size() == 10 ? from + "T00:00:00Z" : from);
    if (!time)
        throw UsageError(
            "--from was \"" + printable(from) +
            "\"; allowed is a time in UTC that exists, such as 2026-03-29T00:00:00Z, or a date.");
    auto begin = floor<seconds>(*time);
    if (from.size() == 10) begin -= zone.at(begin - zone.at(begin).offset).offset;
    return begin - 1s;
}

json next_of_text(const Context& context, const NextOptions& options)
{
    task::Task task;
    task.schedule = options.schedule;
    task.timezone = options.timezone;
    task.except = options.except;
    task::Defaults defaults;
    if (task.timezone.empty()) defaults.timezone = default_zone(context);
    const auto schedule = task::schedule_of(task, defaults);
    const auto after = before(options.from, schedule.zone());
    json next = task::coming(schedule, task, after, options.count);
    const char* why = "";
    if (schedule.is_reboot())
        why = "@reboot has no due times: it runs once per boot of the pair";
    else if (next.empty())
        why = "never: the schedule has no due time any more";
    return {{"schedule", options.schedule},
            {"timezone", schedule.zone().name()},
            {"next", std::move(next)},
            {"why", why}};
}

} // namespace

int task_next(Context& context, const NextOptions& options)
{
    if (options.name.empty() && options.schedule.empty())
        return next_of_all(context, options.all_max);
    json result;
    try {
        result =
            options.name.empty()
                ? next_of_text(context, options)
                : context.call("task_next", {{"name", options.name}, {"count", options.count}});
    } catch (const task::Error& error) {
        throw UsageError(fmt::format("{} (column {})", printable(error.what()), error.column()));
    }
    context.print(result, [&](const json& shown) { return render_next(shown, context.style); });
    return exit_ok;
}

} // namespace roleswap::cli
