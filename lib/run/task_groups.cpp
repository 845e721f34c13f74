#include "run/task_groups.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <system_error>
#include <thread>
#include <utility>

namespace roleswap::run {
namespace {

using namespace std::chrono_literals;

/// 200 tasks of one moment have ended after 180 to 350 ms, measured on two processors.
constexpr event::Duration later = 300ms;
constexpr event::Duration turn_max = 500us; ///< then others have theirs
constexpr event::Duration between_turns = 1ms;

/// The memory of a cgroup has a part for each processor, and with many of them the worker gets its
/// turn sooner.
std::uint64_t reserve()
{
    constexpr unsigned for_all = 1024;
    return std::clamp(for_all / std::max(std::thread::hardware_concurrency(), 1U), 16U, 256U);
}

} // namespace

TaskGroups::TaskGroups(event::Loop& loop, const std::optional<Cgroup>& root)
    : root_(root), timer_(
                       loop, [this] { work(); }, event::Priority::low)
{
}

Cgroup TaskGroups::numbered(std::uint64_t number) const
{
    return Cgroup(fmt::format("{}/run-{}", root_->path(), number));
}

void TaskGroups::begin()
{
    makes_ = true;
    work_in(later);
}

Cgroup TaskGroups::take()
{
    made_ = std::max(made_, ++taken_);
    makes_ = true;
    quiet_from_ = event::Loop::now() + later;
    work_in(later);
    return numbered(taken_);
}

void TaskGroups::give_back(Cgroup group)
{
    ended_.push_back({std::move(group), event::Loop::now() + later});
    work_in(later);
}

/// None is made again before one is wanted: what kills may go on.
void TaskGroups::discard()
{
    makes_ = false;
    while (taken_ < made_) give_back(numbered(++taken_));
}

void TaskGroups::work_in(event::Duration time)
{
    if (!timer_.running()) timer_.start_in(time);
}

void TaskGroups::work()
{
    const auto begun = event::Loop::now();
    remove_some(begun + turn_max);
    if (begun >= quiet_from_) make_some(begun + turn_max);
    const bool makes = makes_ && root_;
    if (ended_.empty() && !makes) return;
    auto next = makes ? std::max(quiet_from_, begun) : ended_.front().until;
    if (!ended_.empty()) next = std::min(next, ended_.front().until);
    work_in(std::max(next - event::Loop::now(), between_turns));
}

void TaskGroups::remove_some(event::Duration end)
{
    for (auto now = event::Loop::now(); !ended_.empty() && ended_.front().until <= now && now < end;
         now = event::Loop::now()) {
        ended_.front().group.remove();
        ended_.pop_front();
    }
}

/// A reserve that cannot be made is missed by nobody: who starts the run makes its own, or says why
/// not.
void TaskGroups::make_some(event::Duration end)
{
    if (!makes_ || !root_) return;
    const auto wanted = taken_ + reserve();
    while (made_ < wanted && event::Loop::now() < end) {
        try {
            numbered(made_ + 1).create_if_missing();
        } catch (const std::system_error&) {
            makes_ = false; // until the next run
            return;
        }
        ++made_;
    }
    makes_ = made_ < wanted;
}

} // namespace roleswap::run
