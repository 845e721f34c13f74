#include "task/crontab_settings.hpp"
#include "task/error.hpp"
#include "task/field.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace roleswap::task {
namespace {

struct Pair {
    std::string_view name;
    std::string_view value;
};

/// Variables that stand for a field of a task.
constexpr std::array<Pair, 4> named_settings{
    {{"SHELL", "shell"}, {"CRON_TZ", "timezone"}, {"MAILTO", "mail_to"}, {"HOME", "directory"}}};

/// Variables that mean something to cron that tasks do not have.
constexpr std::array<Pair, 6> lost{
    {{"LOGNAME", "set to the user of the task, as cron does"},
     {"USER", "set to the user of the task, as cron does"},
     {"RANDOM_DELAY", "not kept: tasks start at their due time"},
     {"MAILFROM", "not kept: mail has the sender of the pair"},
     {"CONTENT_TYPE", "not kept: mail is text in UTF-8"},
     {"CONTENT_TRANSFER_ENCODING", "not kept: mail is text in UTF-8"}}};

} // namespace

CrontabSettings::CrontabSettings(std::string description)
{
    task_.description = std::move(description);
    task_.overlap = Overlap::parallel; // cron starts a command whether or not it still runs
}

std::string CrontabSettings::set(const CrontabVariable& variable, unsigned line, unsigned column)
{
    const auto& [name, value] = variable;
    broken_.erase(name);
    const auto* field = std::ranges::find(named_settings, name, &Pair::name);
    if (field != named_settings.end()) set_field(field->value, variable, line, column);
    if (name == "MAILTO") has_mail_to_ = true;
    if (name == "MAILTO" && !value.empty())
        return fmt::format("MAILTO = \"{}\": kept with its tasks, but this version sends no mail; "
                           "see `roleswap run show` and the journal",
                           value);
    if (field != named_settings.end() && name != "HOME") return {};
    const auto* why = std::ranges::find(lost, name, &Pair::name);
    if (why == lost.end()) task_.environment.edit()[name] = value;
    if (why == lost.end() || (name == "RANDOM_DELAY" && value == "0")) return {};
    return fmt::format("{} = \"{}\": {}", name, value, why->value);
}

void CrontabSettings::set_field(std::string_view field_name, const CrontabVariable& variable,
                                unsigned line, unsigned column)
{
    const auto field = std::ranges::find(task_fields(), field_name, &Field::name);
    const auto read = fmt::format("{} = \"{}\"", variable.name, variable.value);
    broken_[variable.name] = line;
    try {
        if (!field->set(task_, variable.value))
            throw Error(column, read, std::string{field->allowed});
    } catch (const Error& error) {
        throw Error(column, read, error.allowed());
    }
    broken_.erase(variable.name);
}

Task CrontabSettings::make_task(const std::string& user, unsigned column) const
{
    for (const auto& [name, line] : broken_)
        throw Error(column, fmt::format("no usable {}, see line {}", name, line),
                    "entries after a valid " + name);
    auto task = task_;
    task.user = user;
    if (!has_mail_to_) task.mail_to = user; // cron mails the owner
    return task;
}

} // namespace roleswap::task
