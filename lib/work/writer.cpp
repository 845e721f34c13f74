// When batches are sent.
#include "work/writer.hpp"
#include "work/batch_queries.hpp"
#include <algorithm>

namespace roleswap::work {
namespace {

using namespace std::chrono_literals;
constexpr auto retry_after = 500ms; ///< after a refusal of the store, such as a full disk
/// Where batches follow each other this fast, the next one gathers for a while: a commit costs both
/// nodes the same for one end as for twenty.
constexpr auto busy_within = 20ms;
constexpr auto gather_for = 5ms;
constexpr std::size_t gathered_enough = 64;

/// What is sent at once.  The rest stays, and with it what must not be in the store before it.
Batch take_full(Batch& gathering)
{
    auto batch = std::exchange(gathering, {});
    if (batch.inserts.size() <= batch_runs_max) return batch;
    const auto rest = batch.inserts.begin() + static_cast<std::ptrdiff_t>(batch_runs_max);
    gathering.inserts.assign(std::make_move_iterator(rest),
                             std::make_move_iterator(batch.inserts.end()));
    batch.inserts.erase(rest, batch.inserts.end());
    for (const auto& run : gathering.inserts)
        gathering.last_due.insert(batch.last_due.extract(run.task));
    gathering.settings = std::exchange(batch.settings, {});
    return batch;
}

} // namespace

Instant now()
{
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

Instant due_now()
{
    using Even = std::chrono::duration<std::int64_t, std::ratio<2, 1'000'000>>;
    return std::chrono::floor<Even>(std::chrono::system_clock::now());
}

bool Batch::empty() const
{
    return inserts.empty() && promotes.empty() && gifts.empty() && delivered.empty() &&
           noops.empty() && ends.empty() && last_due.empty() && settings.empty() && notes.empty() &&
           !asleep;
}

std::size_t Batch::runs() const
{
    return inserts.size() + promotes.size() + gifts.size() + noops.size() + ends.size();
}

Writer::Writer(event::Loop& loop, Session& session, OnCommitted on_committed,
               std::function<void(const std::string&)> on_trouble)
    : session_(session), on_committed_(std::move(on_committed)), on_trouble_(std::move(on_trouble)),
      // Never one that an earlier engine of this epoch has used.
      number_(static_cast<std::uint64_t>(now().time_since_epoch().count())),
      later_(loop, [this] { send(); }), again_(loop, [this] { send(); }),
      gathered_(loop, [this] { send(); })
{
}

Batch& Writer::next()
{
    later_.trigger();
    return gathering_;
}

void Writer::resume()
{
    paused_ = false;
    later_.trigger();
}

void Writer::send_what_there_is()
{
    waits_ = false;
    later_.trigger();
}

/// How long the batch that is gathering is to wait.
event::Duration Writer::gather_time() const
{
    const auto now = event::Loop::now();
    if (gathering_.runs() >= gathered_enough || now - sent_.front() > busy_within) return {};
    return std::max<event::Duration>(sent_.back() + gather_for - now, event::Duration{0});
}

void Writer::send()
{
    if (sending_ || paused_ || !session_.up()) return;
    if (current_.empty()) {
        if (gathering_.empty()) return;
        if (waits_ && gathering_.inserts.size() < batch_runs_max) return;
        if (const auto wait = gather_time(); wait.count() > 0) return gathered_.start_in(wait);
        current_ = take_full(gathering_);
        current_.number = ++number_;
        sent_before_ = false;
    }
    sending_ = true;
    std::rotate(sent_.begin(), sent_.begin() + 1, sent_.end());
    sent_.back() = event::Loop::now();
    auto plan = plan_of(current_, session_.who(), std::exchange(sent_before_, true));
    session_.write(std::move(plan.queries), [this, places = plan.places](pg::Outcome outcome) {
        sending_ = false;
        if (auto* committed = std::get_if<pg::Committed>(&outcome)) {
            on_committed_(std::exchange(current_, {}), read_written(places, committed->results));
            return later_.trigger();
        }
        not_committed(outcome);
    });
}

void Writer::not_committed(const pg::Outcome& outcome)
{
    on_trouble_("the store: " + pg::describe(outcome));
    if (std::holds_alternative<pg::InDoubt>(outcome) && session_.up())
        session_.reconnect();
    else if (std::holds_alternative<pg::Failed>(outcome))
        again_.start_in(retry_after);
}

} // namespace roleswap::work
