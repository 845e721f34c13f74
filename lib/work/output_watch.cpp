#include "work/output_watch.hpp"
#include <algorithm>
#include <nlohmann/json.hpp>

namespace roleswap::work {
namespace {

using namespace std::chrono_literals;
constexpr auto gather = 50ms; ///< output of so long goes together
constexpr auto kept = 60s;    ///< the end of a run after the last question

} // namespace

void OutputWatch::wait(OutputPoll poll)
{
    auto& followed = runs_[poll.run];
    followed.asked = event::Loop::now();
    followed.polls.push_back(std::move(poll));
    arm();
}

void OutputWatch::note_output(std::int64_t run)
{
    const auto found = runs_.find(run);
    if (found == runs_.end() || found->second.polls.empty()) return;
    auto& tell_at = found->second.tell_at;
    if (tell_at.count() != 0) return;
    tell_at = event::Loop::now() + gather;
    arm();
}

void OutputWatch::wake(std::int64_t run)
{
    const auto found = runs_.find(run);
    if (found == runs_.end()) return;
    found->second.tell_at = {};
    for (auto& poll : std::exchange(found->second.polls, {})) on_news_(std::move(poll));
}

void OutputWatch::note_end(std::int64_t run, EndedOutput end)
{
    if (const auto found = runs_.find(run); found != runs_.end())
        found->second.ended = std::move(end);
}

const EndedOutput* OutputWatch::ended(std::int64_t run) const
{
    const auto found = runs_.find(run);
    return found == runs_.end() || !found->second.ended ? nullptr : &*found->second.ended;
}

void OutputWatch::tick()
{
    const auto time = event::Loop::now();
    std::vector<OutputPoll> due;
    for (auto& [run, followed] : runs_) {
        const bool tell = followed.tell_at.count() != 0 && followed.tell_at <= time;
        const auto waits = [&](const OutputPoll& poll) { return !tell && poll.until > time; };
        auto& polls = followed.polls;
        const auto rest = std::stable_partition(polls.begin(), polls.end(), waits);
        due.insert(due.end(), std::make_move_iterator(rest), std::make_move_iterator(polls.end()));
        polls.erase(rest, polls.end());
        if (tell) followed.tell_at = {};
    }
    std::erase_if(runs_, [&](const auto& entry) {
        return entry.second.polls.empty() && entry.second.asked + kept < time;
    });
    for (auto& poll : due) on_news_(std::move(poll));
    arm();
}

/// For the first that is to be told; what is kept goes with the next question or a little later.
void OutputWatch::arm()
{
    if (runs_.empty()) return timer_.stop();
    const auto time = event::Loop::now();
    event::Duration next = time + kept;
    for (const auto& [run, followed] : runs_) {
        if (followed.tell_at.count() != 0) next = std::min(next, followed.tell_at);
        for (const auto& poll : followed.polls) next = std::min(next, poll.until);
    }
    timer_.start_in(std::max<event::Duration>(next - time, 1ms));
}

void OutputWatch::refuse_all(const VerbError& error)
{
    timer_.stop();
    for (auto& [run, followed] : std::exchange(runs_, {}))
        for (auto& poll : followed.polls) poll.reply.failed(error);
}

} // namespace roleswap::work
