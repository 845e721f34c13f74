#include "reference.hpp"
#include <cstdlib>
#include <ctime>
#include <map>

namespace roleswap::reference {
namespace {

constexpr int minutes_per_day = 1440;
/// cron(8): a clock that is moved by three hours or more was corrected.
constexpr int correction_minutes = 180;

/// Which local days and which minutes of a day a schedule names.
struct Marks {
    std::vector<char> days;
    std::array<char, minutes_per_day> minutes{};
};

bool names_day(const Times& times, std::time_t midnight)
{
    std::tm date{};
    gmtime_r(&midnight, &date);
    std::tm first_of_next = date;
    first_of_next.tm_mday = 1;
    first_of_next.tm_mon += 1;
    const auto from_end = static_cast<int>((timegm(&first_of_next) - midnight) / 86400);
    const bool number = times.days.contains(date.tm_mday) || times.days_from_end.contains(from_end);
    const bool weekday = times.weekdays.contains(date.tm_wday);
    const bool day = times.either_day ? number || weekday : number && weekday;
    return day && times.months.contains(date.tm_mon + 1) &&
           times.years.contains(date.tm_year + 1900);
}

Marks mark(const Times& times, std::int64_t first_day, std::size_t days)
{
    Marks marks;
    for (std::size_t i = 0; i < days; ++i)
        marks.days.push_back(names_day(times, (first_day + static_cast<std::int64_t>(i)) * 86400));
    for (const int hour : times.hours)
        for (const int minute : times.minutes)
            marks.minutes.at(static_cast<std::size_t>(hour * 60 + minute)) = 1;
    return marks;
}

std::int64_t year_begin(int year)
{
    std::tm date{};
    date.tm_year = year - 1900;
    date.tm_mday = 1;
    return timegm(&date);
}

/// Tells each due second once.
class Teller {
public:
    Teller(const Times& times, const std::function<void(std::int64_t)>& due)
        : times_(times), due_(due)
    {
    }
    void minute(std::int64_t at)
    {
        for (const int second : times_.seconds) one(at + second);
    }
    void one(std::int64_t at)
    {
        if (at <= last_) return;
        last_ = at;
        due_(at);
    }

private:
    const Times& times_;
    const std::function<void(std::int64_t)>& due_;
    std::int64_t last_ = INT64_MIN;
};

} // namespace

Clock::Clock(const std::string& zone, int first_year, int years) : begin_(year_begin(first_year))
{
    setenv("TZ", zone.c_str(), 1);
    tzset();
    const auto end = year_begin(first_year + years);
    first_day_ = begin_ / 86400 - 2;
    std::int64_t before = INT64_MIN;
    for (auto time = begin_; time < end; time += 900) { // clocks are moved at quarters of an hour
        std::tm date{};
        const std::time_t copy = time;
        localtime_r(&copy, &date);
        if (before != INT64_MIN && before != date.tm_gmtoff) changes_.push_back(local_.size());
        before = date.tm_gmtoff;
        for (int minute = 0; minute < 15; ++minute)
            local_.push_back(static_cast<std::int32_t>((time + minute * 60 + date.tm_gmtoff) / 60 -
                                                       first_day_ * minutes_per_day));
    }
}

void Clock::run(const Times& times, std::size_t first, std::size_t last,
                const std::function<void(std::int64_t)>& due) const
{
    const auto marks =
        mark(times, first_day_, static_cast<std::size_t>(local_.back() / minutes_per_day + 3));
    const auto named = [&marks](std::int32_t local) {
        return marks.minutes[static_cast<std::size_t>(local % minutes_per_day)] != 0 &&
               marks.days[static_cast<std::size_t>(local / minutes_per_day)] != 0;
    };
    Teller teller(times, due);
    auto shown = local_[first] - 1; // cron's clock, which follows the real one
    for (auto i = first; i < last; ++i) {
        const auto now = begin_ + static_cast<std::int64_t>(i) * 60;
        const auto real = local_[i];
        const auto moved = real - shown;
        if (times.wild || moved == 1 || std::abs(moved) > correction_minutes) {
            shown = real;
            if (named(real)) teller.minute(now);
            continue;
        }
        for (; shown < real; ++shown) {
            if (!named(shown + 1)) continue;
            if (shown + 1 == real)
                teller.minute(now);
            else
                teller.one(now); // at once, when its own minute was skipped
        }
    }
}

} // namespace roleswap::reference
