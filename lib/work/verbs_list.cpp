// Verbs that answer with all tasks, made in slices.
#include "base/time_text.hpp"
#include "work/engine_impl.hpp"

namespace roleswap::work {
namespace {

using nlohmann::json;

/// In the order of Model::tasks: that of the bytes.
constexpr const char* last_runs_sql = R"(
SELECT task, id, state, roleswap.iso(due), roleswap.iso(ended_at), why
FROM (SELECT (SELECT id FROM roleswap.run WHERE run.task = task.name ORDER BY due DESC LIMIT 1)
      FROM roleswap.task) AS last (run_id) JOIN roleswap.run ON run.id = last.run_id
ORDER BY task COLLATE "C")";

json text_or_null(const pg::Row& row, int column)
{
    const auto text = row.maybe_text(column);
    return text ? json(*text) : json(nullptr);
}

json last_run(const pg::Row& row)
{
    return {{"run", row.integer(1)},
            {"state", text_or_null(row, 2)},
            {"due", text_or_null(row, 3)},
            {"ended_at", text_or_null(row, 4)},
            {"why", text_or_null(row, 5)}};
}

} // namespace

void Engine::Impl::task_list(const Call& call)
{
    const Arguments args(call.verb, call.args, {});
    const auto ticket = ++tickets_;
    auto& listing = listings_[ticket];
    listing.reply = call.reply;
    listing.tasks = json::array();
    Reply read{[this, ticket](const json&) { list_tasks(ticket); },
               [this, ticket](const VerbError& error) {
                   listings_.extract(ticket).mapped().reply.failed(error);
               }};
    session_->read_aside({last_runs_sql}, std::move(read),
                         [&listing](std::vector<pg::Result>& results) -> json {
                             listing.last = std::move(results);
                             return nullptr;
                         });
}

void Engine::Impl::list_tasks(std::uint64_t ticket)
{
    slices_.add([this, ticket] { return list_one(listings_.at(ticket)); });
    slices_.add([this, ticket] {
        json answer;
        answer["tasks"] = std::move(listings_.at(ticket).tasks);
        finish_listing(ticket, std::move(answer));
        return Slice::over;
    });
}

Slice Engine::Impl::list_one(Listing& listing)
{
    const auto found = model_.tasks.upper_bound(listing.after);
    if (found == model_.tasks.end()) return Slice::over;
    const auto& [name, entry] = *found;
    const auto& last = listing.last.at(0);
    while (listing.row < last.rows() && last[listing.row].text(0) < name) ++listing.row;
    const bool ran = listing.row < last.rows() && last[listing.row].text(0) == name;
    const auto next = planner_.next(name);
    const auto load = model_.load(name);
    listing.tasks.push_back({{"name", name},
                             {"schedule", entry.task.schedule},
                             {"after", *entry.task.after},
                             {"backup_of", *entry.task.backup_of},
                             {"backup_on", *entry.task.backup_on},
                             {"enabled", entry.task.enabled},
                             {"queue", entry.task.queue},
                             {"user", entry.task.user},
                             {"description", *entry.task.description},
                             {"next_due", next ? json(base::to_rfc3339(*next)) : json(nullptr)},
                             {"running", load.running},
                             {"waiting", load.waiting},
                             {"last", ran ? last_run(last[listing.row]) : json(nullptr)}});
    listing.after = name;
    return Slice::more;
}

void Engine::Impl::task_export(const Call& call)
{
    const Arguments args(call.verb, call.args, {});
    const auto ticket = ++tickets_;
    listings_[ticket].reply = call.reply;
    slices_.add([this, ticket] { return export_one(listings_.at(ticket)); });
    slices_.add([this, ticket] {
        json answer;
        answer["toml"] = std::move(listings_.at(ticket).toml);
        finish_listing(ticket, std::move(answer));
        return Slice::over;
    });
}

Slice Engine::Impl::export_one(Listing& listing)
{
    const auto found = model_.tasks.upper_bound(listing.after);
    if (found == model_.tasks.end()) return Slice::over;
    if (!listing.toml.empty()) listing.toml += '\n';
    listing.toml += task::export_tasks({&found->second.task, 1});
    listing.after = found->first;
    return Slice::more;
}

void Engine::Impl::finish_listing(std::uint64_t ticket, json answer)
{
    const auto listing = listings_.extract(ticket);
    note_bulk(model_.tasks.size());
    listing.mapped().reply.done(answer);
}

void Engine::Impl::drop_listings()
{
    for (const auto& [ticket, listing] : std::exchange(listings_, {}))
        listing.reply.failed(not_master_any_more());
}

} // namespace roleswap::work
