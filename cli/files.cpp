#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include "task/crontab.hpp"
#include "task/task.hpp"
#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <pwd.h>
#include <set>
#include <unistd.h>

namespace roleswap::cli {
namespace {

using nlohmann::json;

std::string names_of(const json& names)
{
    std::string line;
    for (const json& name : names)
        line += " " + printable(name.is_string() ? name.get<std::string>() : "?");
    return line;
}

std::string render_apply(const json& result, bool dry_run)
{
    std::string out;
    for (const char* what : {"added", "changed", "removed"})
        if (!list(result, what).empty())
            out += fmt::format("{:<8}{}\n", what, names_of(list(result, what)));
    out += fmt::format("{} unchanged{}\n", number(result, "same"),
                       dry_run ? "; nothing was done (--dry-run)" : "");
    return out + unready_lines(result);
}

std::string current_user()
{
    const passwd* user = getpwuid(geteuid());
    return user ? user->pw_name : std::to_string(geteuid());
}

/// Debian's crontab(1) keeps user crontabs in a folder of their own, named after the user.
bool looks_like_user_crontab(const std::string& path)
{
    return path.find("/var/spool/cron/") != std::string::npos || path == "-";
}

class Importer {
public:
    explicit Importer(const ImportOptions& options) : options_(options) {}

    void read(const std::string& path)
    {
        const bool user =
            !options_.system && (!options_.user.empty() || looks_like_user_crontab(path));
        task::ImportOptions how;
        if (user) how.user = options_.user.empty() ? owner_of(path) : options_.user;
        const auto import = task::import_crontab(
            read_text(path), path, user ? task::CrontabKind::user : task::CrontabKind::system, how);
        note(path, import.lost, "not kept");
        note(path, import.errors, "refused");
        errors_ += import.errors.size();
        for (const task::Task& task : import.tasks) {
            if (!names_.insert(task.name).second)
                throw UsageError("Two of the files make a task named " + task.name +
                                 "; import them one after the other under other names.");
            tasks_.push_back(task);
        }
    }

    const std::vector<task::Task>& tasks() const { return tasks_; }
    const json& notes() const { return notes_; }
    std::size_t errors() const { return errors_; }

private:
    static std::string owner_of(const std::string& path)
    {
        return path == "-" ? current_user() : path.substr(path.rfind('/') + 1);
    }

    void note(const std::string& path, const std::vector<task::ImportNote>& found, const char* kind)
    {
        for (const task::ImportNote& entry : found)
            notes_.push_back({{"file", path},
                              {"line", entry.line},
                              {"column", entry.column},
                              {"kind", kind},
                              {"message", entry.message}});
    }

    const ImportOptions& options_;
    std::vector<task::Task> tasks_;
    std::set<std::string> names_;
    json notes_ = json::array();
    std::size_t errors_ = 0;
};

std::string render_import(const json& result, bool dry_run)
{
    std::string out;
    for (const json& note : list(result, "notes"))
        out +=
            fmt::format("{}:{}:{}: {}: {}\n", printable(text(note, "file")), text(note, "line"),
                        text(note, "column"), text(note, "kind"), printable(text(note, "message")));
    if (!list(result, "notes").empty()) out += "\n";
    return out + render_apply(result, dry_run);
}

} // namespace

/// Parsed here first, so that a fault is told with the path the user knows; what only the daemon
/// can see, such as what a task is after, gets that path afterwards.
json call_apply(Context& context, const std::string& path, const ApplyOptions& options)
{
    const std::string text = read_text(path);
    (void)task::parse_tasks(text, path);
    try {
        return context.call("task_apply", {{"toml", text},
                                           {"dry_run", options.dry_run},
                                           {"remove_others", options.remove_others}});
    } catch (const bus::Error& error) {
        constexpr std::string_view begin = "roleswap apply: toml:";
        const std::string_view what = error.what();
        if (!what.starts_with(begin)) throw;
        throw bus::Error(error.code(), fmt::format("{}:{}", path, what.substr(begin.size())));
    }
}

int apply(Context& context, const std::string& path, const ApplyOptions& options)
{
    const json result = call_apply(context, path, options);
    context.print(result, [&](const json& shown) {
        if (!options.dry_run) return render_apply(shown, false);
        return render_diff(shown, context.style) + "Nothing was done (--dry-run).\n";
    });
    return exit_ok;
}

/// Of these tasks, or of all.
int export_tasks(Context& context, const std::vector<std::string>& names)
{
    json result = context.call("task_export");
    if (!names.empty()) {
        const auto all = task::parse_tasks(text(result, "toml"), "export");
        std::vector<task::Task> chosen;
        for (const auto& name : names) {
            const auto found = std::ranges::find(all, name, &task::Task::name);
            if (found == all.end())
                throw bus::Error(bus::ErrorCode::not_found, "There is no task \"" +
                                                                printable(name) +
                                                                "\"; see roleswap task list.");
            chosen.push_back(*found);
        }
        result["toml"] = task::export_tasks(chosen);
    }
    context.print(result, [](const json& shown) { return text(shown, "toml"); });
    return exit_ok;
}

/// Adds and changes tasks; what is not in the crontabs stays as it is.
int import_crontab(Context& context, const ImportOptions& options)
{
    Importer importer(options);
    for (const std::string& path : options.files) importer.read(path);
    json result{{"added", json::array()}};
    if (!importer.tasks().empty())
        result = context.call("task_apply", {{"toml", task::export_tasks(importer.tasks())},
                                             {"dry_run", options.dry_run}});
    result["notes"] = importer.notes();
    context.print(result, [&](const json& shown) { return render_import(shown, options.dry_run); });
    return importer.errors() > 0 ? exit_failed : exit_ok;
}

} // namespace roleswap::cli
