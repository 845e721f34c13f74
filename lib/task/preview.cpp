#include "task/preview.hpp"
#include "base/time_text.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::task {

std::string local_text(Time time, const Zone& zone)
{
    const auto offset = zone.at(time).offset;
    const auto minutes = std::chrono::floor<std::chrono::minutes>(abs(offset)).count();
    const auto text = base::to_rfc3339(time + offset);
    return fmt::format("{}{}{:02}:{:02}", text.substr(0, text.size() - 5), // without ".000Z"
                       offset.count() < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

nlohmann::json coming(const Schedule& schedule, const Task& task, Time after, std::size_t limit)
{
    auto times = nlohmann::json::array();
    for (auto due = schedule.next(after); due && times.size() < limit; due = schedule.next(*due)) {
        times.push_back(
            {{"due", base::to_rfc3339(*due)}, {"local", local_text(*due, schedule.zone())}});
        if (task.jitter > milliseconds{0})
            times.back()["start"] = base::to_rfc3339(*due + start_delay(task, *due));
    }
    return times;
}

} // namespace roleswap::task
