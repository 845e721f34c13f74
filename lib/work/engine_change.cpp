// How tasks change: read, compared, written, taken into the model; all of it in slices.
#include "work/engine_impl.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

constexpr const char* make_queues_sql =
    "INSERT INTO roleswap.queue (name) SELECT jsonb_array_elements_text($1::jsonb) "
    "ON CONFLICT DO NOTHING";

constexpr const char* put_tasks_sql = R"(
INSERT INTO roleswap.task (name, definition, last_due)
SELECT definition ->> 'name', definition, $2::timestamptz
FROM jsonb_array_elements($1::jsonb) AS given(definition)
ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, changed_at = now(),
    last_due = CASE WHEN task.definition -> 'schedule' = excluded.definition -> 'schedule'
                     AND task.definition -> 'timezone' = excluded.definition -> 'timezone'
                     AND coalesce(task.definition -> 'except', '[]') = excluded.definition -> 'except'
                     AND task.enabled THEN task.last_due ELSE excluded.last_due END)";

/// Before it, so that these leave with their tasks.
constexpr const char* admit_removed_sql =
    "SELECT roleswap.admit_all(whose => ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))";

constexpr const char* remove_tasks_sql = R"(
WITH gone AS (DELETE FROM roleswap.task WHERE name IN (SELECT jsonb_array_elements_text($1::jsonb))
              RETURNING name),
seen AS (DELETE FROM roleswap.after_end USING gone WHERE task = gone.name AND waits)
UPDATE roleswap.run SET state = 'skipped', why = 'its task was removed', ended_at = now(),
       held_since = NULL, released_at = NULL, over = true
FROM gone WHERE run.task = gone.name AND run.state IN ('queued', 'held'))";

} // namespace

bool Engine::Impl::changes_tasks(std::string_view verb)
{
    constexpr std::array<std::string_view, 5> verbs{"task_add", "task_remove", "task_enable",
                                                    "task_disable", "task_apply"};
    return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

std::uint64_t Engine::Impl::begin_change(Reply reply)
{
    auto& change = changes_[++tickets_];
    change.reply = std::move(reply);
    change.generation = generation_;
    change.since = std::chrono::floor<std::chrono::seconds>(now());
    return tickets_;
}

void Engine::Impl::change_one(Reply reply, json answer, TaskEntry entry)
{
    check_after(entry.task);
    const auto ticket = begin_change(std::move(reply));
    auto& change = changes_.at(ticket);
    change.answer = std::move(answer);
    change.since = entry.last_due;
    const auto row = task::to_json(entry.task).dump();
    put(change, std::move(entry), row);
    write_change(ticket);
}

/// The text was read.
void Engine::Impl::compare(std::uint64_t ticket)
{
    auto& change = changes_.at(ticket);
    if (change.generation != generation_) return fail_change(ticket, not_master_any_more());
    if (change.error) return fail_change(ticket, *change.error);
    change.place = Change::Place::comparing;
    change.answer = {{"added", json::array()},
                     {"changed", json::array()},
                     {"removed", json::array()},
                     {"same", 0}};
    slices_.add([this, ticket] { return compare_one(changes_.at(ticket)); });
    slices_.add([this, ticket] { return check_after_one(changes_.at(ticket)); });
    slices_.add([this, ticket] {
        auto& compared = changes_.at(ticket);
        if (compared.error) {
            fail_change(ticket, VerbError(*compared.error));
            return Slice::over;
        }
        compared.at = 0; // from now on of the entries
        if (compared.dry_run) count_others(compared);
        const bool nothing = compared.entries.empty() && compared.removed.empty();
        if (compared.dry_run || nothing)
            finish_change(ticket);
        else
            write_change(ticket);
        return Slice::over;
    });
}

Slice Engine::Impl::compare_one(Change& change)
{
    if (change.at == change.read.size())
        return change.remove_others ? remove_one(change) : Slice::over;
    auto& entry = change.read[change.at];
    const auto& row = change.read_rows[change.at++];
    const auto old = model_.tasks.find(entry.task.name);
    if (old != model_.tasks.end() && old->second.task == entry.task) {
        change.answer["same"] = change.answer["same"].get<std::size_t>() + 1;
        return Slice::more;
    }
    const bool is_new = old == model_.tasks.end();
    change.answer[is_new ? "added" : "changed"].push_back(entry.task.name);
    if (change.dry_run)
        change.answer["fields"][entry.task.name] =
            field_changes(is_new ? task::Task{} : old->second.task, entry.task);
    put(change, std::move(entry), row);
    return Slice::more;
}

/// Tasks that stay though the text lacks them.
void Engine::Impl::count_others(Change& change) const
{
    auto others = model_.tasks.size() - change.answer["same"].get<std::size_t>();
    for (const char* known : {"changed", "removed"}) others -= change.answer[known].size();
    change.answer["others"] = others;
}

/// Looks at one task of the model, which the text may lack.
Slice Engine::Impl::remove_one(Change& change)
{
    const auto next = change.after ? model_.tasks.upper_bound(*change.after) : model_.tasks.begin();
    if (next == model_.tasks.end()) return Slice::over;
    change.after = next->first;
    if (change.named.contains(next->first)) return Slice::more;
    change.answer["removed"].push_back(next->first);
    change.removed.insert(next->first);
    return Slice::more;
}

/// Puts and removes tasks in one transaction; a task whose schedule is new is due from now on.
void Engine::Impl::write_change(std::uint64_t ticket)
{
    auto& change = changes_.at(ticket);
    change.place = Change::Place::writing;
    std::vector<pg::Query> queries(3);
    const auto removed = json(change.removed).dump();
    queries[0] = {make_queues_sql, {json(change.queues).dump()}};
    queries[1].sql = put_tasks_sql;
    queries[1].params.emplace_back("[" + std::move(change.rows) + "]");
    queries[1].params.emplace_back(to_text(Instant(change.since)));
    queries[2] = {remove_tasks_sql, {removed}};
    if (!change.removed.empty()) queries.insert(queries.begin(), {admit_removed_sql, {removed}});
    Reply written{[this, ticket](const json&) { take_change(ticket); },
                  [this, ticket](const VerbError& error) { fail_change(ticket, error); }};
    session_->write(std::move(queries), std::move(written),
                    [](std::vector<pg::Result>&) { return json(); });
}

void Engine::Impl::take_change(std::uint64_t ticket)
{
    auto& change = changes_.at(ticket);
    change.place = Change::Place::taking;
    change.leaving.assign(change.removed.begin(), change.removed.end());
    slices_.add([this, ticket] { return take_one(changes_.at(ticket)); });
    slices_.add([this, ticket] {
        const auto& taken = changes_.at(ticket);
        if (!taken.removed.empty()) forget_waiting_of(taken.removed);
        if (!taken.removed.empty() && held_runs_->runs() > 0) held_runs_->count();
        dispatch();
        finish_change(ticket);
        return Slice::over;
    });
}

Slice Engine::Impl::take_one(Change& change)
{
    if (!change.leaving.empty()) {
        model_.remove_task(change.leaving.back());
        planner_.remove(change.leaving.back());
        change.leaving.pop_back();
        return Slice::more;
    }
    if (change.at == change.entries.size()) return Slice::over;
    take_entry(std::move(change.entries[change.at++]));
    return Slice::more;
}

void Engine::Impl::take_entry(TaskEntry entry)
{
    const auto name = entry.task.name;
    model_.queues[entry.task.queue];
    const auto old = model_.tasks.find(name);
    if (old != model_.tasks.end() && old->second.task.enabled &&
        old->second.task.schedule == entry.task.schedule &&
        old->second.task.timezone == entry.task.timezone &&
        old->second.task.except == entry.task.except)
        entry.last_due = old->second.last_due;
    auto& taken = model_.put_task(std::move(entry));
    if (may_plan())
        look_at(taken, std::chrono::floor<std::chrono::seconds>(now()));
    else
        planner_.remove(name); // looked at when it may again
}

void Engine::Impl::forget_waiting_of(const std::set<std::string>& names)
{
    std::vector<std::int64_t> runs;
    for (const auto& [id, run] : model_.open)
        if (run.place == OpenRun::Place::waiting && names.contains(run.task)) runs.push_back(id);
    for (const auto id : runs) model_.forget(id);
}

void Engine::Impl::finish_change(std::uint64_t ticket)
{
    if (changes_.at(ticket).place == Change::Place::taking)
        judge_change(ticket);
    else
        end_change(ticket);
}

void Engine::Impl::end_change(std::uint64_t ticket)
{
    auto change = changes_.extract(ticket);
    if (!late_calls_.empty()) changer_.trigger();
    note_bulk(change.mapped().read.size() + change.mapped().removed.size());
    change.mapped().reply.done(change.mapped().answer);
}

void Engine::Impl::fail_change(std::uint64_t ticket, const VerbError& error)
{
    auto change = changes_.extract(ticket);
    if (!late_calls_.empty()) changer_.trigger();
    change.mapped().reply.failed(error);
}

/// The verb that waited for the last change.
void Engine::Impl::next_change()
{
    if (!changes_.empty() || late_calls_.empty()) return;
    auto call = std::move(late_calls_.front());
    late_calls_.pop_front();
    handle(call.verb, call.args, call.caller, std::move(call.reply));
    if (changes_.empty() && !late_calls_.empty()) changer_.trigger();
}

/// The engine ends.  What the worker reads is refused when it comes back, and what is on its way to
/// the store was refused by the session.
void Engine::Impl::drop_changes()
{
    slices_.clear();
    std::map<std::uint64_t, Change::Place> places;
    for (const auto& [ticket, change] : changes_) places.emplace(ticket, change.place);
    for (const auto& [ticket, place] : places) {
        if (place == Change::Place::comparing) fail_change(ticket, not_master_any_more());
        if (place == Change::Place::taking) end_change(ticket); // the next master reads it
    }
}

} // namespace roleswap::work
