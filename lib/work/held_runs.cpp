#include "work/held_runs.hpp"
#include "work/window.hpp"

namespace roleswap::work {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
constexpr auto count_again_after = 500ms;

constexpr const char* held_count_sql =
    "SELECT count(*), count(DISTINCT task), count(released_at) FROM roleswap.run "
    "WHERE held_since IS NOT NULL AND state = 'held'";

constexpr const char* next_sql = R"(
UPDATE roleswap.run SET state = 'queued', epoch = $1::bigint, batch = NULL, held_since = NULL,
       released_at = NULL, over = false
WHERE id IN (SELECT id FROM roleswap.run
             WHERE released_at IS NOT NULL AND state = 'held' AND queue <> ALL ($3::text[])
             ORDER BY priority DESC, due, id LIMIT $2::bigint))";

} // namespace

HeldRuns::HeldRuns(event::Loop& loop, Session& session, Callbacks callbacks)
    : session_(session), callbacks_(std::move(callbacks)), timer_(loop, [this] { go_on(); })
{
}

pg::Query HeldRuns::count_query()
{
    return {held_count_sql};
}

void HeldRuns::count()
{
    const Reply reply{[](const json&) {}, [](const VerbError&) {}}; // else with the next connection
    session_.read(count_query(), reply, [this](std::vector<pg::Result>& results) -> json {
        take_count(results.at(0));
        return nullptr;
    });
}

void HeldRuns::take_count(const pg::Result& counts)
{
    const auto row = counts[0];
    runs_ = static_cast<std::size_t>(row.integer(0));
    tasks_ = static_cast<std::size_t>(row.integer(1));
    released_ = static_cast<std::size_t>(row.integer(2));
    stuck_behind_.clear();
    go_on();
}

void HeldRuns::go_on()
{
    if (busy_ || released_ == 0 || !session_.up() || !callbacks_.may_start()) return;
    auto held = callbacks_.held_queues();
    if (!stuck_behind_.empty() && stuck_behind_ == held) return;
    stuck_behind_.clear();
    const auto runs = pace_.take(event::Loop::now());
    if (runs == 0) return timer_.start_in(pace_.wait());
    busy_ = true;
    pg::Query query{next_sql,
                    {std::to_string(session_.who().epoch), std::to_string(runs), array_text(held)}};
    session_.write({std::move(query)}, [this, held = std::move(held)](const pg::Outcome& outcome) {
        moved(outcome, held);
    });
}

void HeldRuns::moved(const pg::Outcome& outcome, std::vector<std::string> passed_over)
{
    busy_ = false;
    const auto* done = std::get_if<pg::Committed>(&outcome);
    if (done == nullptr) {
        timer_.start_in(count_again_after); // or counted anew with the connection
        if (std::holds_alternative<pg::InDoubt>(outcome) && session_.up()) session_.reconnect();
        return;
    }
    const auto runs = done->results.at(0).affected();
    if (runs == 0) {
        if (passed_over.empty()) return count(); // somebody took them back
        stuck_behind_ = std::move(passed_over);
        return;
    }
    runs_ -= std::min<std::size_t>(runs, runs_);
    released_ -= std::min<std::size_t>(runs, released_);
    callbacks_.on_queued();
    if (released_ == 0) return count();
    timer_.start_in(pace_.wait());
}

json HeldRuns::status() const
{
    return {{"runs", runs_},
            {"tasks", tasks_},
            {"released", released_},
            {"rate", released_ > 0 ? json(to_string(rate())) : json(nullptr)}};
}

} // namespace roleswap::work
