#include "task/field.hpp"
#include "task/after.hpp"
#include "task/confinement.hpp"
#include "task/error.hpp"
#include "task/schedule.hpp"
#include "task/size.hpp"
#include "task/text_rules.hpp"
#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace roleswap::task {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t after_max = 100; ///< tasks that one is after
using Text = std::string;
using TextTest = bool (*)(std::string_view);

template <class T> const T& plain(const T& value)
{
    return value;
}
template <class T> const T& plain(const Seldom<T>& value)
{
    return *value;
}

template <auto member> FieldValue get(const Task& task)
{
    return plain(task.*member);
}

template <auto member> bool set(Task& task, const FieldValue& value)
{
    using T = std::remove_reference_t<decltype(task.*member)>;
    const auto* read = std::get_if<T>(&value);
    if (read) task.*member = *read;
    return read != nullptr;
}

template <auto member, TextTest test> bool set_text(Task& task, const FieldValue& value)
{
    const auto* text = std::get_if<Text>(&value);
    if (!text || !test(*text)) return false;
    task.*member = *text;
    return true;
}

bool set_schedule(Task& task, const FieldValue& value)
{
    if (!std::holds_alternative<Text>(value)) return false;
    task.schedule = std::get<Text>(value);
    if (!task.schedule.empty()) parse_schedule(task.schedule, Zone{}); // else see check_whole
    return true;
}

bool set_timezone(Task& task, const FieldValue& value)
{
    if (!std::holds_alternative<Text>(value)) return false;
    task.timezone = std::get<Text>(value);
    Zone::named(*task.timezone);
    return true;
}

bool set_except(Task& task, const FieldValue& value)
{
    const auto* list = std::get_if<std::vector<Text>>(&value);
    if (!list) return false;
    task.except = *list;
    Exclusions::parse(task.except);
    return true;
}

/// In the shortest form, so that two ways to say the same are no difference.
bool set_after(Task& task, const FieldValue& value)
{
    const auto* list = std::get_if<std::vector<Text>>(&value);
    if (!list || list->size() > after_max) return false;
    std::vector<Text> texts, names;
    for (const auto& entry : *list) {
        const auto after = parse_after(entry);
        if (std::ranges::find(names, after.task) != names.end())
            throw Error(1, fmt::format("task \"{}\" twice in after", after.task), "each task once");
        names.push_back(after.task);
        texts.push_back(to_text(after));
    }
    task.after = std::move(texts);
    return true;
}

FieldValue get_umask(const Task& task)
{
    if (!task.umask) return {};
    return fmt::format("{:04o}", *task.umask);
}

bool set_umask(Task& task, const FieldValue& value)
{
    task.umask.reset();
    if (std::holds_alternative<std::monostate>(value)) return true;
    const auto* text = std::get_if<Text>(&value);
    if (!text || text->empty()) return false;
    unsigned bits = 0;
    const auto* end = text->data() + text->size();
    const auto result = std::from_chars(text->data(), end, bits, 8);
    if (result.ec != std::errc{} || result.ptr != end || bits > 0777) return false;
    task.umask = bits;
    return true;
}

template <auto member> FieldValue get_number(const Task& task)
{
    return std::int64_t{task.*member};
}

constexpr std::int64_t priority_max = 100;

bool set_priority(Task& task, const FieldValue& value)
{
    const auto* number = std::get_if<std::int64_t>(&value);
    if (!number || *number < -priority_max || *number > priority_max) return false;
    task.priority = static_cast<int>(*number);
    return true;
}

FieldValue get_catch_up_limit(const Task& task)
{
    if (!task.catch_up_limit) return {};
    return std::int64_t{*task.catch_up_limit};
}

template <auto member, std::int64_t low, std::int64_t high>
bool set_number(Task& task, const FieldValue& value)
{
    const auto* number = std::get_if<std::int64_t>(&value);
    if (!number || *number < low || *number > high) return false;
    task.*member = static_cast<std::uint32_t>(*number);
    return true;
}

bool set_catch_up_limit(Task& task, const FieldValue& value)
{
    task.catch_up_limit.reset();
    if (std::holds_alternative<std::monostate>(value)) return true;
    return set_number<&Task::catch_up_limit, 1, 10'000>(task, value);
}

template <auto member, std::int64_t high_ms> bool set_duration(Task& task, const FieldValue& value)
{
    const auto* duration = std::get_if<milliseconds>(&value);
    if (!duration || *duration < 0ms || *duration > milliseconds{high_ms}) return false;
    task.*member = *duration;
    return true;
}

constexpr std::int64_t hour_ms = 3'600'000;

FieldValue get_late_limit(const Task& task)
{
    if (!task.late_limit) return {};
    return *task.late_limit;
}

bool set_late_limit(Task& task, const FieldValue& value)
{
    task.late_limit.reset();
    if (std::holds_alternative<std::monostate>(value)) return true;
    return set_duration<&Task::late_limit, hour_ms>(task, value);
}

template <auto member> FieldValue get_choice(const Task& task)
{
    return Text{to_string(task.*member)};
}

FieldValue get_catch_up(const Task& task)
{
    if (!task.catch_up) return {};
    return Text{to_string(*task.catch_up)};
}

template <auto member, class Choice, Choice... choices>
bool set_choice(Task& task, const FieldValue& value)
{
    const auto* text = std::get_if<Text>(&value);
    bool found = false;
    const auto try_one = [&](Choice choice) {
        if (!text || *text != to_string(choice)) return;
        task.*member = choice;
        found = true;
    };
    (try_one(choices), ...);
    return found;
}

bool set_catch_up(Task& task, const FieldValue& value)
{
    task.catch_up.reset();
    if (std::holds_alternative<std::monostate>(value)) return true;
    return set_choice<&Task::catch_up, CatchUp, CatchUp::none, CatchUp::last, CatchUp::all>(task,
                                                                                            value);
}

constexpr const char* schedule_rule =
    "five cron fields, @daily and its kin, every 10s, or a calendar expression such as Mon..Fri "
    "08:00";
constexpr std::string_view name_rule = "1 to 64 of the characters A-Z a-z 0-9 . _ -";
constexpr std::string_view size_rule = "a size such as \"64MiB\", or \"\" for no limit";
constexpr std::string_view weight_rule = "1 to 10000, or 0 for none of its own";

constexpr std::array all_fields{
    Field{"name", get<&Task::name>, set_text<&Task::name, is_valid_name>, name_rule},
    Field{"description", get<&Task::description>, set_text<&Task::description, is_free_text>,
          text_rule},
    Field{"schedule", get<&Task::schedule>, set_schedule, schedule_rule},
    Field{"timezone", get<&Task::timezone>, set_timezone, "an IANA name"},
    Field{"except", get<&Task::except>, set_except,
          "a list of dates such as \"2026-12-25\", \"12-25\", \"2026-12-24..2026-12-31\""},
    Field{"after", get<&Task::after>, set_after,
          "a list of up to 100 names of tasks, each alone or with :success, :failure or :any"},
    Field{"jitter", get<&Task::jitter>, set_duration<&Task::jitter, 24 * hour_ms>,
          "0s (none) to 1d", true},
    Field{"kind", get_choice<&Task::kind>,
          set_choice<&Task::kind, TaskKind, TaskKind::command, TaskKind::noop>,
          "\"command\" or \"noop\""},
    Field{"command", get<&Task::command>, set_command, text_rule},
    Field{"argv", get<&Task::argv>, set_argv, "a list of texts, the program first"},
    Field{"shell", get<&Task::shell>, set_text<&Task::shell, is_path>, path_rule},
    Field{"user", get<&Task::user>, set_text<&Task::user, is_account_or_empty>, user_rule},
    Field{"group", get<&Task::group>, set_text<&Task::group, is_account_or_empty>, group_rule},
    Field{"groups", get<&Task::groups>, set_groups, "a list of names of groups"},
    Field{"directory", get<&Task::directory>, set_text<&Task::directory, is_path_or_empty>,
          path_rule},
    Field{"environment", get<&Task::environment>, set_environment, "a table of NAME = \"value\""},
    Field{"umask", get_umask, set_umask, "octal text from \"0000\" to \"0777\""},
    Field{"input", get<&Task::input>, set_text<&Task::input, is_free_text>, text_rule},
    Field{"output_max", get<&Task::output_max>, set_text<&Task::output_max, is_size_or_empty>,
          size_rule},
    Field{"journal", get<&Task::journal>, set<&Task::journal>, "true or false"},
    Field{"rlimit", get<&Task::rlimit>, set_process_limits, "a table of NAME = \"value\""},
    Field{"unit", get<&Task::unit>, set<&Task::unit>, "true or false"},
    Field{"sandbox", get<&Task::sandbox>, set_sandbox,
          "a table of Property = \"value\", true or false", false, true},
    Field{"memory_max", get<&Task::memory_max>, set_text<&Task::memory_max, is_size_or_empty>,
          size_rule},
    Field{"cpu_quota", get<&Task::cpu_quota>, set_text<&Task::cpu_quota, is_quota_or_empty>,
          "a percentage of one processor such as \"150%\", or \"\" for none"},
    Field{"cpu_weight", get_number<&Task::cpu_weight>, set_number<&Task::cpu_weight, 0, 10'000>,
          weight_rule},
    Field{"io_weight", get_number<&Task::io_weight>, set_number<&Task::io_weight, 0, 10'000>,
          weight_rule},
    Field{"tasks_max", get_number<&Task::tasks_max>, set_number<&Task::tasks_max, 0, 1'000'000>,
          "0 (the default of systemd) to 1000000"},
    Field{"queue", get<&Task::queue>, set_text<&Task::queue, is_valid_name>, name_rule},
    Field{"priority", get_number<&Task::priority>, set_priority, "-100 to 100"},
    Field{"enabled", get<&Task::enabled>, set<&Task::enabled>, "true or false"},
    Field{"timeout", get<&Task::timeout>, set_duration<&Task::timeout, 366 * 24 * hour_ms>,
          "0s (none) to 366d", true},
    Field{"retries", get_number<&Task::retries>, set_number<&Task::retries, 0, 1000>, "0 to 1000"},
    Field{"retry_delay", get<&Task::retry_delay>, set_duration<&Task::retry_delay, 24 * hour_ms>,
          "0s to 1d", true},
    Field{"overlap", get_choice<&Task::overlap>,
          set_choice<&Task::overlap, Overlap, Overlap::skip, Overlap::queue, Overlap::parallel>,
          "\"skip\", \"queue\" or \"parallel\""},
    Field{"catch_up", get_catch_up, set_catch_up, "\"none\", \"last\" or \"all\""},
    Field{"catch_up_limit", get_catch_up_limit, set_catch_up_limit, "1 to 10000"},
    Field{"late_limit", get_late_limit, set_late_limit, "0s to 1h", true},
    Field{"after_crash", get_choice<&Task::after_crash>,
          set_choice<&Task::after_crash, AfterCrash, AfterCrash::rerun, AfterCrash::hold>,
          "\"rerun\" or \"hold\""},
    Field{"on_swap", get_choice<&Task::on_swap>,
          set_choice<&Task::on_swap, OnSwap, OnSwap::wait, OnSwap::move>, "\"wait\" or \"move\""},
    Field{"mail_to", get<&Task::mail_to>, set_text<&Task::mail_to, has_no_control>,
          "addresses with commas between"},
    Field{"needs", get<&Task::needs>, set_needs, "a list of absolute paths"},
    Field{"backup_of", get<&Task::backup_of>, set_text<&Task::backup_of, is_name_or_empty>,
          "the name of a task"},
    Field{"backup_on", get<&Task::backup_on>, set_text<&Task::backup_on, is_name_or_empty>,
          "the name of a node"},
};

} // namespace

std::span<const Field> task_fields()
{
    return all_fields;
}

const Field* find_field(std::string_view name)
{
    const auto found = std::ranges::find(all_fields, name, &Field::name);
    return found == all_fields.end() ? nullptr : &*found;
}

void check_whole(const Task& task)
{
    if (task.name.empty()) throw Error(1, "a task has no name", std::string{name_rule});
    const auto read = [&](std::string_view what) {
        return fmt::format("task \"{}\" has {}", task.name, what);
    };
    if (task.backup_of.empty() != task.backup_on.empty())
        throw Error(1, read("one of backup_of and backup_on"),
                    "both: the task it stands in for, and the node on which it does");
    if (task.backup_of == task.name) throw Error(1, read("itself as backup_of"), "another task");
    if (!task.backup_of.empty() && !task.after.empty())
        throw Error(1, read("both backup_of and after"),
                    "after in its primary: a backup task has no runs of its own");
    if (task.schedule.empty() && task.backup_of.empty() && task.after.empty())
        throw Error(1, read("no schedule"), fmt::format("{}; or after", schedule_rule));
    if (!task.backup_of.empty() && task.kind == TaskKind::noop)
        throw Error(1, read("backup_of, and its kind is noop"), "a command: its node runs that");
    const bool has_command = !task.command.empty() || !task.argv.empty();
    const bool has_on_node = std::ranges::any_of(*task.node, [](const auto& node) {
        return node.second.contains("command") || node.second.contains("argv");
    });
    if (task.kind == TaskKind::noop && (has_command || has_on_node))
        throw Error(1, read("a command, and its kind is noop"), "one of them");
    if (task.kind == TaskKind::command && !has_command)
        throw Error(1, read("no command"), "command (for a shell) or argv");
    if (!task.command.empty() && !task.argv.empty())
        throw Error(1, read("both command and argv"), "one of them");
    check_arguments_size(task);
}

} // namespace roleswap::task
