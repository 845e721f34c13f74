#include "witness/decision.hpp"
#include "base/ensure.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace roleswap::witness {
namespace {

using Connection = http::Request::Connection;

/// One endpoint has this part of the limit before the next is asked too.
constexpr int hedges_min = 4;
/// After all have failed quickly the next round begins after this part of the limit.
constexpr int pauses = 10;
/// An etcd that refuses at once, over and over, is not asked without end.
constexpr std::size_t attempts_max = 64;

} // namespace

Decision::Decision(Parties parties, Task task, event::Duration limit, OnEnd on_end)
    : parties_(std::move(parties)), task_(std::move(task)), limit_(limit),
      deadline_(event::Loop::now() + limit), on_end_(std::move(on_end)),
      why_(parties_.endpoints.size()), hedge_(parties_.loop, [this] { begin_next(); }),
      again_(parties_.loop, [this] { begin_next(); }), end_(parties_.loop, [this] { give_up(); })
{
    base::ensure(!parties_.endpoints.empty(), "a witness has endpoints");
    end_.start_in(limit);
    const auto hedges = std::max<int>(hedges_min, static_cast<int>(parties_.endpoints.size()) + 1);
    hedge_.start_every(std::max<event::Duration>(limit / hedges, std::chrono::milliseconds(1)));
    begin_next();
}

Endpoint& Decision::endpoint(std::size_t attempt) const
{
    return *parties_.endpoints[attempt % parties_.endpoints.size()];
}

void Decision::begin_next()
{
    if (over_ || attempts_.size() >= attempts_max) return;
    const auto number = attempts_.size();
    const auto left = deadline_ - event::Loop::now();
    if (left.count() <= 0) return; // the end is due
    ++under_way_;
    attempts_.push_back(std::make_unique<Attempt>(
        Attempt::Place{parties_.client, endpoint(number), parties_.login}, task_, left,
        number < parties_.endpoints.size() ? Connection::kept : Connection::fresh,
        [this, number](const Ended& end) { ended(number, end); }));
}

void Decision::ended(std::size_t attempt, const Ended& end)
{
    if (over_) return;
    --under_way_;
    if (end.kind != Ended::Kind::failed) {
        for (std::size_t i = 0; i < attempts_.size(); ++i)
            if (i != attempt) attempts_[i].reset(); // its own call is still on the stack
        return finish(end, &endpoint(attempt));
    }
    why_[attempt % why_.size()] = end.why;
    if (attempts_.size() < parties_.endpoints.size()) return begin_next();
    if (under_way_ == 0) again_.start_in(limit_ / pauses);
}

void Decision::give_up()
{
    std::string why;
    for (std::size_t i = 0; i < why_.size(); ++i)
        why += fmt::format("{}{}: {}", i > 0 ? "; " : "", parties_.endpoints[i]->url,
                           why_[i].empty() ? "no answer in time" : why_[i]);
    attempts_.clear();
    finish({Ended::Kind::failed, {}, why}, nullptr);
}

void Decision::call_off()
{
    if (over_) return;
    over_ = true;
    stop_timers();
    attempts_.clear();
}

void Decision::stop_timers()
{
    hedge_.stop();
    again_.stop();
    end_.stop();
}

void Decision::finish(const Ended& end, const Endpoint* who)
{
    if (std::exchange(over_, true)) return;
    stop_timers();
    on_end_(end, who);
}

} // namespace roleswap::witness
