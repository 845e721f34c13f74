#include "work/marks.hpp"
#include <nlohmann/json.hpp>
#include <utility>

namespace roleswap::work {
namespace {

using nlohmann::json;

/// The runs that have memory are found by one step in the index each.
constexpr const char* prune_items_sql = R"(
WITH RECURSIVE runs AS (
    (SELECT run FROM roleswap.memory_item ORDER BY run LIMIT 1)
    UNION ALL
    SELECT (SELECT i.run FROM roleswap.memory_item AS i WHERE i.run > runs.run ORDER BY i.run LIMIT 1)
    FROM runs WHERE runs.run IS NOT NULL
), gone AS (
    SELECT run FROM runs
    WHERE run IS NOT NULL AND NOT EXISTS (SELECT FROM roleswap.run AS r WHERE r.id = runs.run)
)
DELETE FROM roleswap.memory_item WHERE ctid IN (
    SELECT i.ctid FROM roleswap.memory_item AS i JOIN gone USING (run) LIMIT 20000))";

constexpr const char* prune_values_sql = R"(
DELETE FROM roleswap.memory_value WHERE ctid IN (
    SELECT v.ctid FROM roleswap.memory_value AS v
    WHERE NOT EXISTS (SELECT FROM roleswap.run AS r WHERE r.id = v.run) LIMIT 20000))";

constexpr const char* prune_passes_sql =
    "DELETE FROM roleswap.memory_pass WHERE epoch < (SELECT epoch FROM roleswap.term)";

pg::Query query_of(const std::vector<MarkOrder>& orders, const std::string& node)
{
    auto marks = json::array();
    for (const auto& order : orders)
        for (const auto& mark : order.marks)
            marks.push_back({{"run", mark.run},
                             {"attempt", mark.attempt},
                             {"mark", mark.mark},
                             {"item", mark.item}});
    return {"SELECT unnest(roleswap.memory_marks($1::jsonb, $2))", {marks.dump(), node}};
}

/// The store said no.  A server that is going down (class 57) is asked again when it is back.
bool is_refusal(const pg::Outcome& outcome)
{
    const auto* failed = std::get_if<pg::Failed>(&outcome);
    return failed != nullptr && !failed->error.sqlstate().starts_with("57P");
}

} // namespace

Marks::Marks(event::Loop& loop, Session& session)
    : session_(session), later_(loop, [this] { send(); })
{
}

Marks::~Marks()
{
    const VerbError gone{VerbError::Code::not_master,
                         "this node ceased to be master before the store answered: the work goes "
                         "on elsewhere"};
    for (const auto& order : std::exchange(current_, {})) order.reply.failed(gone);
    for (const auto& order : std::exchange(gathering_, {})) order.reply.failed(gone);
}

void Marks::add(MarkOrder order)
{
    gathering_.push_back(std::move(order));
    later_.trigger();
}

void Marks::resume()
{
    paused_ = false;
    later_.trigger();
}

void Marks::take()
{
    std::size_t count = 0;
    while (!gathering_.empty() && count < marks_max) {
        count += gathering_.front().marks.size();
        current_.push_back(std::move(gathering_.front()));
        gathering_.pop_front();
    }
}

void Marks::send()
{
    if (sending_ || paused_ || !session_.up()) return;
    if (current_.empty()) take();
    if (current_.empty()) return;
    sending_ = true;
    session_.write({query_of(current_, session_.who().node)},
                   [this](const pg::Outcome& outcome) { answered(outcome); });
}

void Marks::answered(const pg::Outcome& outcome)
{
    sending_ = false;
    if (const auto* done = std::get_if<pg::Committed>(&outcome)) {
        committed(done->results.at(0));
    } else if (is_refusal(outcome)) {
        const VerbError why{VerbError::Code::failed,
                            "the store: " + pg::describe(outcome) + "; nothing was marked"};
        for (const auto& order : std::exchange(current_, {})) order.reply.failed(why);
    } else if (std::holds_alternative<pg::InDoubt>(outcome) && session_.up()) {
        return session_.reconnect(); // `resume` sends it again
    }
    later_.trigger();
}

void Marks::committed(const pg::Result& states)
{
    std::size_t row = 0;
    for (const auto& order : std::exchange(current_, {})) {
        auto told = json::array();
        for (std::size_t i = 0; i < order.marks.size(); ++i, ++row)
            if (i >= order.told) told.push_back(std::string(states[row].text(0)));
        order.reply.done({{"states", told}});
    }
}

std::vector<pg::Query> prune_memory_queries()
{
    return {{prune_items_sql}, {prune_values_sql}, {prune_passes_sql}};
}

} // namespace roleswap::work
