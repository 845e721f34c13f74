#include "witness/witness.hpp"
#include "witness/gateway.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace roleswap::witness {
namespace {

Answer::Kind answer_kind(Ended::Kind kind)
{
    switch (kind) {
    case Ended::Kind::granted:
        return Answer::Kind::granted;
    case Ended::Kind::refused:
        return Answer::Kind::refused;
    case Ended::Kind::wiped:
        return Answer::Kind::wiped;
    case Ended::Kind::failed:
        return Answer::Kind::unreachable;
    }
    return Answer::Kind::unreachable;
}

std::string sentence(const Ended& end, const Names& names)
{
    const auto held = end.found ? shown(end.found->text) : "nothing";
    switch (end.kind) {
    case Ended::Kind::granted:
        return "the witness has recorded it";
    case Ended::Kind::refused:
        return fmt::format("the witness holds {}", held);
    case Ended::Kind::wiped:
        return end.found ? fmt::format("the witness holds {}, which is no verdict of {} and {}: "
                                       "\"roleswap witness init --force\" replaces it",
                                       held, names[0], names[1])
                         : "the witness has no register of this pair: \"roleswap witness init\" "
                           "makes it";
    case Ended::Kind::failed:
        return fmt::format("the witness does not answer: {}", end.why);
    }
    return {};
}

/// Takes what is absent, or all.
Ruling judge_creation(const std::optional<Register>& found, const Verdict& value, Existing existing)
{
    if (found && existing == Existing::keep) return {Ruling::Step::refused};
    return {Ruling::Step::put, value};
}

} // namespace

Witness::Witness(event::Loop& loop, Options options, Callbacks callbacks)
    : loop_(loop), options_(std::move(options)), callbacks_(std::move(callbacks)),
      key_(register_key(options_.pair)), client_(loop, options_.tls),
      watcher_(client_, key_, [this] { look({}); }), run_later_(loop, [this] { run_later(); }),
      look_timer_(loop, [this] {
          if (look_ == nullptr) begin_look();
      })
{
    for (const auto& url : options_.endpoints) {
        endpoints_.push_back(std::make_unique<Endpoint>(Endpoint{url}));
        views_.push_back({.url = url, .why = "not looked yet"});
    }
    look_timer_.start_every(options_.look_every);
    begin_look();
}

void Witness::run_later()
{
    if (deciding_ != nullptr && deciding_->over()) deciding_ = nullptr;
    std::erase_if(decisions_, [](const auto& decision) { return decision->over(); });
    for (const auto& one : std::exchange(later_, {})) one();
}

/// The one that answered last, then those that are up, then the others.
std::vector<Endpoint*> Witness::by_likelihood()
{
    std::vector<std::size_t> order(endpoints_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, {}, [this](std::size_t i) {
        if (i == best_) return 0;
        return views_[i].up ? 1 : 2;
    });
    std::vector<Endpoint*> endpoints;
    for (const auto i : order) endpoints.push_back(endpoints_[i].get());
    return endpoints;
}

void Witness::decide(const Verdict& seen, const Verdict& value, event::Duration limit,
                     OnAnswer on_answer)
{
    if (deciding_ != nullptr) deciding_->call_off();
    deciding_ = nullptr;
    if (health_ == Health::split && before_ == Health::split)
        return answer_later({Answer::Kind::unreachable, {}, why_}, std::move(on_answer));
    Task task{key_, options_.names,
              [seen, value](const std::optional<Register>& found) {
                  return judge_decision(found, seen, value);
              },
              register_};
    deciding_ = start(std::move(task), limit, std::move(on_answer));
}

void Witness::create(const Verdict& value, Existing existing, event::Duration limit,
                     OnAnswer on_answer)
{
    Task task{key_, options_.names, [value, existing](const std::optional<Register>& found) {
                  return judge_creation(found, value, existing);
              }};
    start(std::move(task), limit, std::move(on_answer));
}

Decision* Witness::start(Task task, event::Duration limit, OnAnswer on_answer)
{
    const auto began = event::Loop::now();
    run_later_.trigger(); // those that are over go
    decisions_.push_back(std::make_unique<Decision>(
        Decision::Parties{loop_, client_, options_.login, by_likelihood()}, std::move(task), limit,
        [this, began, on_answer = std::move(on_answer)](const Ended& end, const Endpoint* who) {
            on_end(end, who, began, on_answer);
        }));
    return decisions_.back().get();
}

void Witness::on_end(const Ended& end, const Endpoint* who, event::Duration began,
                     const OnAnswer& on_answer)
{
    Answer answer{
        answer_kind(end.kind), {}, sentence(end, options_.names), event::Loop::now() - began};
    if (end.found) answer.found = end.found->verdict;
    for (std::size_t i = 0; i < endpoints_.size(); ++i)
        if (endpoints_[i].get() == who) best_ = i;
    if (who != nullptr) register_ = end.found;
    last_ = answer;
    run_later_.trigger(); // the decision calls this: it goes afterwards
    on_answer(answer);
}

void Witness::answer_later(Answer answer, OnAnswer on_answer)
{
    last_ = answer;
    later_.push_back(
        [answer = std::move(answer), on_answer = std::move(on_answer)] { on_answer(answer); });
    run_later_.trigger();
}

} // namespace roleswap::witness
