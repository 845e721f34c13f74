#include "reference.hpp"
#include <cctype>
#include <map>
#include <sstream>

namespace roleswap::reference {
namespace {

using Names = std::map<std::string, int>;

const Names months{{"jan", 1}, {"feb", 2}, {"mar", 3}, {"apr", 4},  {"may", 5},  {"jun", 6},
                   {"jul", 7}, {"aug", 8}, {"sep", 9}, {"oct", 10}, {"nov", 11}, {"dec", 12}};
const Names weekdays{{"sun", 0}, {"mon", 1}, {"tue", 2}, {"wed", 3},
                     {"thu", 4}, {"fri", 5}, {"sat", 6}};

std::vector<std::string> parts(const std::string& text, char mark)
{
    std::vector<std::string> list;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, mark);)
        if (mark != ' ' || !part.empty()) list.push_back(part);
    return list;
}

int value(std::string text, const Names& names)
{
    for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto found = names.find(text.substr(0, 3));
    return found == names.end() ? std::stoi(text) : found->second;
}

struct Field {
    int low;
    int high;
    std::string range; ///< "-" of cron, ".." of systemd
    Names names;
};

std::set<int> numbers(const std::string& text, const Field& field)
{
    std::set<int> found;
    for (const auto& element : parts(text, ',')) {
        const auto slash = element.find('/');
        const auto span = element.substr(0, slash);
        const auto middle = span.find(field.range);
        int step = slash == std::string::npos ? 1 : std::stoi(element.substr(slash + 1));
        int first = field.low;
        int last = field.high;
        if (middle != std::string::npos) {
            first = value(span.substr(0, middle), field.names);
            last = value(span.substr(middle + field.range.size()), field.names);
        } else if (span != "*") {
            first = value(span, field.names);
            if (slash == std::string::npos) last = first;
        }
        for (int number = first; number <= last; number += step) found.insert(number);
    }
    return found;
}

bool is_wild(const std::string& text)
{
    return text[0] == '*' || text.starts_with("0/") || text.starts_with("00/");
}

std::set<int> all(int low, int high)
{
    return numbers("*", {low, high, "-", {}});
}

/// Days from the end with an open step go forward, to the last day.
std::set<int> from_end(const std::string& text)
{
    std::set<int> found;
    for (const auto& element : parts(text, ',')) {
        const auto slash = element.find('/');
        const bool open = slash != std::string::npos && element.find("..") == std::string::npos;
        if (!open) {
            for (const int day : numbers(element, {1, 28, "..", {}})) found.insert(day);
            continue;
        }
        for (int day = std::stoi(element); day > 0; day -= std::stoi(element.substr(slash + 1)))
            found.insert(day);
    }
    return found;
}

void read_date(const std::string& text, Times& times)
{
    const auto tilde = text.find('~');
    const auto last = tilde == std::string::npos ? text.rfind('-') : tilde;
    const auto day = text.substr(last + 1);
    const auto before = parts(text.substr(0, last), '-');
    times.months = numbers(before.back(), {1, 12, "..", {}});
    if (before.size() == 2) times.years = numbers(before.front(), {1970, 2199, "..", {}});
    if (tilde == std::string::npos || day == "*")
        times.days = numbers(day, {1, 31, "..", {}});
    else {
        times.days.clear();
        times.days_from_end = from_end(day);
    }
}

/// The week of systemd begins with Monday.
std::set<int> read_weekdays(const std::string& text)
{
    Names from_monday = weekdays;
    from_monday["sun"] = 7;
    std::set<int> found;
    for (const int day : numbers(text, {1, 7, "..", from_monday})) found.insert(day % 7);
    return found;
}

} // namespace

Times read_cron(const std::string& text)
{
    const auto fields = parts(text, ' ');
    Times times;
    times.years = all(1970, 2199);
    times.seconds = {0};
    times.minutes = numbers(fields.at(0), {0, 59, "-", {}});
    times.hours = numbers(fields.at(1), {0, 23, "-", {}});
    times.days = numbers(fields.at(2), {1, 31, "-", {}});
    times.months = numbers(fields.at(3), {1, 12, "-", months});
    for (const int day : numbers(fields.at(4), {0, 7, "-", weekdays}))
        times.weekdays.insert(day % 7);
    times.either_day = fields[2][0] != '*' && fields[4][0] != '*';
    times.wild = fields[0][0] == '*' || fields[1][0] == '*';
    return times;
}

Times read_calendar(const std::string& text)
{
    Times times;
    times.years = all(1970, 2199);
    times.months = all(1, 12);
    times.days = all(1, 31);
    times.weekdays = all(0, 6);
    times.hours = times.minutes = times.seconds = {0};
    for (const auto& word : parts(text, ' ')) {
        const auto clock = parts(word, ':');
        if (clock.size() > 1) {
            times.hours = numbers(clock[0], {0, 23, "..", {}});
            times.minutes = numbers(clock[1], {0, 59, "..", {}});
            if (clock.size() > 2) times.seconds = numbers(clock[2], {0, 59, "..", {}});
            times.wild = is_wild(clock[0]) || is_wild(clock[1]);
        } else if (std::isalpha(static_cast<unsigned char>(word[0])) != 0) {
            times.weekdays = read_weekdays(word);
        } else {
            read_date(word, times);
        }
    }
    return times;
}

} // namespace roleswap::reference
