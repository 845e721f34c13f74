#include "task/crontab.hpp"
#include "base/utf8.hpp"
#include "task/crontab_settings.hpp"
#include "task/error.hpp"
#include "task/field.hpp"
#include "task/hash.hpp"
#include "task/schedule.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::task {
namespace {

constexpr std::string_view tab_blanks = " \t";
constexpr std::size_t name_stem_max = 56;

bool is_name_character(char c)
{
    return is_valid_name({&c, 1});
}

std::string_view last_part(std::string_view path)
{
    return path.substr(path.find_last_of('/') + 1);
}

bool is_in_cron_d(std::string_view path)
{
    return path.ends_with(fmt::format("cron.d/{}", last_part(path)));
}

std::string name_stem(std::string_view path, CrontabKind kind, const ImportOptions& options)
{
    std::string stem = options.prefix;
    if (stem.empty() && kind == CrontabKind::user) stem = "crontab-" + options.user;
    if (stem.empty())
        stem = fmt::format("{}{}", is_in_cron_d(path) ? "cron.d-" : "", last_part(path));
    std::ranges::replace_if(
        stem, [](char c) { return !is_name_character(c); }, '-');
    return stem.substr(0, name_stem_max);
}

/// One crontab being read.
class Importer {
public:
    Importer(std::string_view path, CrontabKind kind, const ImportOptions& options)
        : kind_(kind), options_(options), stem_(name_stem(path, kind, options)), seed_(hash(path)),
          settings_(fmt::format("from {}", path))
    {
        if (is_in_cron_d(path)) check_file_name(last_part(path));
    }

    void read_line(std::string_view line)
    {
        ++line_;
        const auto begin = std::min(line.find_first_not_of(tab_blanks), line.size());
        if (begin == line.size() || line[begin] == '#') return;
        try {
            read(line, begin);
        } catch (const Error& error) {
            import_.errors.push_back({line_, error.column(), error.what()});
        }
    }

    /// A line at the end of the file that has no newline: cron drops it (crontab(5),
    /// "LIMITATIONS").
    void read_last_line(std::string_view line)
    {
        ++line_;
        const auto begin = line.find_first_not_of(tab_blanks);
        if (begin == std::string_view::npos || line[begin] == '#') return;
        const Error error{static_cast<unsigned>(line.size() + 1), "no newline ends the last line",
                          "lines that end with a newline; cron drops this one"};
        import_.errors.push_back({line_, error.column(), error.what()});
    }

    Import take() { return std::move(import_); }

private:
    /// The rest of a line and its place.
    struct Rest {
        std::string_view line;
        std::size_t at = 0;

        unsigned column() const { return static_cast<unsigned>(at + 1); }
        std::string_view text() const { return line.substr(at); }
        void skip_blanks() { at = std::min(line.find_first_not_of(tab_blanks, at), line.size()); }
        std::string_view take_word()
        {
            const auto begin = at;
            at = std::min(line.find_first_of(tab_blanks, at), line.size());
            return line.substr(begin, at - begin);
        }
    };

    void check_file_name(std::string_view name)
    {
        if (std::ranges::all_of(name, [](char c) { return c != '.' && is_name_character(c); }))
            return;
        note(1, fmt::format("file name \"{}\": cron reads no file in cron.d whose name has other "
                            "characters than A-Z a-z 0-9 _ -; imported all the same",
                            name));
    }

    void note(unsigned column, std::string message)
    {
        import_.lost.push_back({std::max(line_, 1U), column, std::move(message)});
    }

    void read(std::string_view line, std::size_t begin)
    {
        if (const auto valid = base::valid_length(line); valid < line.size())
            throw Error(static_cast<unsigned>(valid + 1),
                        fmt::format("byte 0x{:02X}", static_cast<unsigned char>(line[valid])),
                        "text in UTF-8 without NUL bytes");
        if (line.ends_with('\r'))
            throw Error(static_cast<unsigned>(line.size()), "a carriage return ends the line",
                        "lines that end with a newline alone");
        const auto column = static_cast<unsigned>(begin + 1);
        if (const auto variable = parse_crontab_variable(line.substr(begin))) {
            auto lost = settings_.set(*variable, line_, column);
            if (!lost.empty()) note(column, std::move(lost));
            return;
        }
        check_almost_variable(line.substr(begin), column);
        ++entries_;
        read_entry({line, begin});
    }

    /// What cron takes for a broken entry, but was meant as a variable.
    static void check_almost_variable(std::string_view text, unsigned column)
    {
        const auto equals = text.find('=');
        const auto name = text.substr(0, std::min(text.find_first_of(" \t="), text.size()));
        const bool letter = !name.empty() && (name[0] == '_' || (name[0] >= 'A' && name[0] <= 'Z'));
        if (!letter || equals == std::string_view::npos) return;
        throw Error(column, fmt::format("variable {}", text),
                    "NAME=value, NAME=\"value\", and NAME=\"\" for an empty one");
    }

    void read_entry(Rest rest)
    {
        const auto column = rest.column();
        take_log_mark(rest);
        const auto schedule = take_schedule(rest);
        check_is_ever_due(schedule, column);
        const auto user = kind_ == CrontabKind::system ? take_user(rest) : options_.user;
        auto task = settings_.make_task(user, column);
        task.schedule = schedule;
        take_command(task, rest);
        task.name = fmt::format("{}-{}", stem_, entries_);
        import_.tasks.push_back(std::move(task));
    }

    static void check_is_ever_due(const std::string& text, unsigned column)
    {
        const auto schedule = parse_schedule(text, Zone{});
        if (schedule.is_reboot() || schedule.next(Time{})) return;
        throw Error(column, fmt::format("schedule \"{}\", which is never due", text),
                    "days that exist");
    }

    /// A leading - means: do not log the start (cronie).
    void take_log_mark(Rest& rest)
    {
        if (!rest.text().starts_with('-')) return;
        if (kind_ == CrontabKind::user && options_.user != "root")
            throw Error(rest.column(), "a leading \"-\" in the crontab of an ordinary user",
                        "it in system crontabs and in that of root only");
        note(rest.column(), "leading \"-\": not kept, every run is recorded");
        ++rest.at;
    }

    std::string take_schedule(Rest& rest)
    {
        if (rest.text().starts_with('@')) return take_at_word(rest);
        std::string schedule;
        for (const auto& kind : cron_field_kinds()) {
            rest.skip_blanks();
            const auto column = rest.column();
            const auto word = rest.take_word();
            if (word.empty())
                throw Error(column, fmt::format("no {}", kind.name),
                            "minute hour day-of-month month day-of-week, then the command");
            const auto fixed = fix_random(kind, word, column, seed_ ^ (line_ * 1000003ULL));
            parse_cron_field(kind, fixed.text, column);
            if (fixed.changed)
                note(column, fmt::format("{} \"{}\": cron draws a value at each start; kept as {}",
                                         kind.name, word, fixed.text));
            schedule += (schedule.empty() ? "" : " ") + fixed.text;
        }
        return schedule;
    }

    std::string take_at_word(Rest& rest)
    {
        const auto column = rest.column();
        std::string word{rest.take_word()};
        try {
            if (parse_schedule(word, Zone{}).is_reboot())
                note(column, "@reboot: runs once per boot of the pair, not of each node");
        } catch (const Error& error) {
            throw Error(column, error.read(), error.allowed());
        }
        return word;
    }

    static std::string take_user(Rest& rest)
    {
        rest.skip_blanks();
        const auto column = rest.column();
        std::string user{rest.take_word()};
        if (user.empty())
            throw Error(column, "no user", "the name of an account before the command");
        const auto field = std::ranges::find(task_fields(), "user", &Field::name);
        Task probe;
        if (!field->set(probe, user))
            throw Error(column, fmt::format("user \"{}\"", user),
                        "the name of an account before the command, as in /etc/crontab");
        return user;
    }

    void take_command(Task& task, Rest& rest) const
    {
        rest.skip_blanks();
        if (kind_ == CrontabKind::user && rest.text().starts_with('*'))
            throw Error(rest.column(), fmt::format("command \"{}\"", rest.text()),
                        "five fields before the command");
        auto [command, input] = split_crontab_command(rest.text());
        if (command.empty())
            throw Error(rest.column(), "no command", "a command after the time and the user");
        task.command = std::move(command);
        task.input = std::move(input);
    }

    CrontabKind kind_;
    const ImportOptions& options_;
    std::string stem_;
    std::uint64_t seed_;
    CrontabSettings settings_;
    unsigned line_ = 0;
    unsigned entries_ = 0;
    Import import_;
};

} // namespace

Import import_crontab(std::string_view text, std::string_view path, CrontabKind kind,
                      const ImportOptions& options)
{
    Importer importer{path, kind, options};
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) {
            importer.read_last_line(text);
            break;
        }
        importer.read_line(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    return importer.take();
}

} // namespace roleswap::task
