#include "work/outages.hpp"
#include "base/quantity.hpp"
#include "base/time_text.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;
using std::chrono::seconds;
constexpr seconds period_min{1};
constexpr seconds period_max{60};

std::optional<task::Time> time_in(const json& object, const char* name)
{
    const auto found = object.find(name);
    if (found == object.end()) return {};
    return task::Time(seconds(found->get<std::int64_t>()));
}

std::int64_t number(task::Time time)
{
    return time.time_since_epoch().count();
}

} // namespace

void Outages::read(const json& alive, const json& outage, task::Time now)
{
    if (const auto stored = time_in(alive, "at"))
        alive_ = std::max(*stored, alive_.value_or(*stored));
    if (alive_) alive_ = std::min(*alive_, now);
    const auto from = time_in(outage, "from");
    const auto until = time_in(outage, "until");
    if (from && until) last_ = task::Outage{*from, std::min(*until, now)};
}

bool Outages::planned(task::Time now)
{
    const auto found = task::outage_between(alive_.value_or(now), now, hold_after_);
    alive_ = now;
    if (found) last_ = found;
    return found.has_value();
}

bool Outages::is_sign_due(task::Time now)
{
    if (written_ && *written_ <= now && now - *written_ < period()) return false;
    written_ = now;
    return true;
}

/// So often that a takeover is no outage.
seconds Outages::period() const
{
    const auto quarter = std::chrono::floor<seconds>(hold_after_ / 4);
    return hold_after_.count() == 0 ? period_max : std::clamp(quarter, period_min, period_max);
}

json Outages::alive() const
{
    return alive_ ? json{{"at", number(*alive_)}} : json::object();
}

json Outages::outage() const
{
    return last_ ? json{{"from", number(last_->from)}, {"until", number(last_->until)}}
                 : json::object();
}

std::string Outages::span() const
{
    if (!last_) return {};
    return fmt::format("between {} and {}", base::to_rfc3339(last_->from),
                       base::to_rfc3339(last_->until));
}

std::string Outages::tell()
{
    if (held_.empty()) return {};
    std::size_t runs = 0;
    for (const auto& [task, due_times] : held_) runs += due_times;
    const auto tasks = std::exchange(held_, {}).size();
    return fmt::format("{} runs of {} tasks are held: they were due {}, when nobody scheduled for "
                       "longer than hold_after_outage = \"{}\"; look with \"roleswap held list\"",
                       runs, tasks, span(), base::duration_text(hold_after_));
}

} // namespace roleswap::work
