#include "reference.hpp"
#include "task/schedule.hpp"
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fmt/format.h>
#include <random>

/// Ten years in seven zones: each due time of chosen and of random schedules is compared with the
/// reference.  ROLESWAP_SCHEDULES: how many random ones, default 60; ROLESWAP_SEED: other ones.
/// ROLESWAP_FIRST_YEAR: other years.
using namespace roleswap;
using std::chrono::seconds;

namespace {

constexpr int years = 10;
constexpr std::size_t dense = 200; ///< due times a day: compared around changes of the clock only
constexpr std::size_t window = 3 * 1440;

const std::vector<std::string> zones{"UTC",
                                     "Europe/Berlin",
                                     "America/New_York",
                                     "Australia/Lord_Howe", // moves by half an hour
                                     "Asia/Kathmandu",      // +05:45
                                     "America/Sao_Paulo",   // moves at midnight, until 2019
                                     "Africa/Casablanca"};  // four times a year

const std::vector<std::string> crons{
    "* * * * *",         "0 * * * *",    "30 * * * *",        "*/7 * * * *",
    "30 2 * * *",        "0 2 * * *",    "0 3 * * *",         "30 1,2,3 * * *",
    "10-50/20 2 * * *",  "*/30 2 * * *", "30 */2 * * *",      "15 0-23 * * *",
    "0 0 * * *",         "30 23 * * *",  "59 23 31 12 *",     "0 0 29 2 *",
    "0 0 30 2 *",        "0 0 13 * 5",   "0 0 */2 * 5",       "0 0 13 * */5",
    "0 12 1-7 * 0",      "0 12 1-7 * *", "5 4 * * sun",       "5 4 * * 7",
    "0 6 * jan-mar mon", "0 0 31 * *",   "45 1 * * *",        "15 2 * * *",
    "0-59 2 * * *",      "* 1-3 * * *",  "0 1-3 * 3,10,11 0", "30 2 25-31 3,10 7"};

const std::vector<std::string> calendars{"Mon..Fri 08:00",
                                         "*-*-* 02:30",
                                         "*-*-* *:00:00",
                                         "*:0/20",
                                         "02:0/20",
                                         "0/2:30",
                                         "1..3:15",
                                         "*-*-01 03:00:00",
                                         "*-*~01 02:30",
                                         "Mon *-05~07/1",
                                         "*-02~1..3 12:00:30",
                                         "*-*~07/3",
                                         "Sat,Sun 00:00",
                                         "Sun 01:30",
                                         "Fri *-*-13",
                                         "2018..2024/2-02-29",
                                         "2019-11-03 01:30",
                                         "*-03,10-25..31 2:30",
                                         "*-*-* 23:59:59",
                                         "*-*-* 02:10..50/20:0/30",
                                         "*-02-30",
                                         "Tue..Thu *-*-8..14",
                                         "*-10-* 1,2:0,15,30,45",
                                         "0:0:0/20",
                                         "Sun *-*~1..7 02:00",
                                         "*:*:30",
                                         "5/6:5/25",
                                         "Mon *-1/3-1 3:00"};

class Random {
public:
    explicit Random(unsigned seed) : random_(seed) {}

    std::string cron()
    {
        return fmt::format("{} {} {} {} {}", field(0, 59, "-"), hour("-"),
                           often("*", field(1, 31, "-")), often("*", field(1, 12, "-")),
                           often("*", field(0, 7, "-")));
    }
    std::string calendar()
    {
        const auto date = fmt::format("*-{}{}{}", often("*", field(1, 12, "..")), often("-", "~"),
                                      often("*", field(1, 28, "..")));
        auto text = fmt::format("{} {}:{}", date, hour(".."), field(0, 59, ".."));
        if (below(4) == 0) text += ":" + number(0, 59);
        static const char* const weekdays[] = {"Mon..Fri ", "Sun ", "Sat,Sun ", "Tue,Thu..Sat "};
        return often("", weekdays[below(4)]) + text;
    }

private:
    unsigned below(unsigned limit) { return random_() % limit; }
    std::string number(unsigned low, unsigned high)
    {
        return std::to_string(low + below(high - low + 1));
    }
    std::string often(const std::string& usual, const std::string& other)
    {
        return below(3) > 0 ? usual : other;
    }
    /// The hours around changes of the clock more often than others.
    std::string hour(const char* range)
    {
        return below(2) == 0 ? number(0, 3) : field(0, 23, range);
    }
    std::string field(unsigned low, unsigned high, const std::string& range)
    {
        const bool cron = range == "-";
        const auto first = low + below(high - low);
        const auto last = first + 1 + below(high - first);
        const auto span = fmt::format("{}{}{}", first, range, last);
        switch (below(6)) {
        case 0:
            return "*";
        case 1:
            return fmt::format("{}/{}", cron ? "*" : std::to_string(low),
                               1 + below((high - low) / 2));
        case 2:
            return span;
        case 3:
            return fmt::format("{}/{}", span, 1 + below(last - first));
        case 4:
            return number(low, high) + "," + number(low, high) + "," + span;
        default:
            return number(low, high);
        }
    }
    std::mt19937 random_;
};

unsigned setting(const char* name, unsigned missing)
{
    const char* text = std::getenv(name);
    return text == nullptr ? missing : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

/// Follows a schedule through time beside the reference.
class Comparison {
public:
    Comparison(const task::Schedule& schedule, const reference::Times& times,
               const reference::Clock& clock)
        : schedule_(schedule), times_(times), clock_(clock)
    {
    }

    /// The minutes [first, last) from the begin of the clock; returns the number of due times.
    std::size_t compare(std::size_t first, std::size_t last)
    {
        const auto at = [&](std::size_t minute) {
            return task::Time{seconds(clock_.begin() + static_cast<std::int64_t>(minute) * 60)};
        };
        std::vector<task::Time> found;
        auto next = schedule_.next(at(first) - seconds(1));
        clock_.run(times_, first, last, [&](std::int64_t due) {
            const task::Time wanted{seconds(due)};
            if (next != wanted) differ(wanted, next);
            found.push_back(wanted);
            next = schedule_.next(wanted);
        });
        if (next && *next < at(last)) differ(std::nullopt, next);
        const auto between =
            schedule_.due_between(at(first) - seconds(1), at(last) - seconds(1), 3);
        if (between.total != found.size()) ++differences_;
        if (!std::equal(between.newest.rbegin(), between.newest.rend(), found.rbegin()))
            ++differences_;
        for (std::size_t i = 1; i < found.size(); i += 1 + found.size() / 50)
            if (schedule_.previous(found[i]) != found[i - 1]) ++differences_;
        return found.size();
    }

    std::size_t differences() const { return differences_; }
    const std::string& first_one() const { return first_one_; }

private:
    void differ(std::optional<task::Time> wanted, std::optional<task::Time> got)
    {
        const auto text = [](std::optional<task::Time> time) {
            return time ? std::to_string(time->time_since_epoch().count()) : "never";
        };
        if (differences_++ == 0)
            first_one_ = fmt::format("reference {}, here {}", text(wanted), text(got));
    }

    const task::Schedule& schedule_;
    const reference::Times& times_;
    const reference::Clock& clock_;
    std::size_t differences_ = 0;
    std::string first_one_;
};

/// Returns how many due times were compared.
std::size_t check(const std::string& text, const reference::Times& times,
                  const reference::Clock& clock, const std::string& zone)
{
    const auto schedule = task::parse_schedule(text, task::Zone::named(zone));
    Comparison comparison(schedule, times, clock);
    const auto minutes = static_cast<std::size_t>((clock.end() - clock.begin()) / 60);
    std::size_t compared = 0;
    if (times.hours.size() * times.minutes.size() * times.seconds.size() < dense)
        compared = comparison.compare(0, minutes);
    else
        for (const auto change : clock.changes())
            if (change > window && change + window < minutes)
                compared += comparison.compare(change - window, change + window);
    INFO(text << " in " << zone << ": " << comparison.first_one());
    CHECK(comparison.differences() == 0);
    return compared;
}

} // namespace

TEST_CASE("ten years in seven zones: due as the reference says, without a difference")
{
    const auto count = setting("ROLESWAP_SCHEDULES", 60);
    const auto seed = setting("ROLESWAP_SEED", 20261127);
    std::size_t compared = 0;
    const auto first_year = static_cast<int>(setting("ROLESWAP_FIRST_YEAR", 2017));
    for (const auto& zone : zones) {
        const reference::Clock clock(zone, first_year, years);
        Random random(seed);
        for (const auto& text : crons)
            compared += check(text, reference::read_cron(text), clock, zone);
        for (const auto& text : calendars)
            compared += check(text, reference::read_calendar(text), clock, zone);
        for (unsigned i = 0; i < count; i += 2) {
            const auto cron = random.cron();
            compared += check(cron, reference::read_cron(cron), clock, zone);
            const auto calendar = random.calendar();
            compared += check(calendar, reference::read_calendar(calendar), clock, zone);
        }
    }
    std::printf("%zu due times of %zu schedules in %zu zones compared, first year %d, seed %u\n",
                compared, crons.size() + calendars.size() + count, zones.size(), first_year, seed);
    CHECK(compared > 1'000'000);
}
