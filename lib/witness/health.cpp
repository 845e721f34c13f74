#include "witness/gateway.hpp"
#include "witness/witness.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <utility>

/// What the looks say about the witness as a whole, and what is told of it.
namespace roleswap::witness {
namespace {

struct Judged {
    Health health = Health::unknown;
    std::string why{};
};

/// Two endpoints that are up and cannot be of one etcd: another cluster, or only one of them holds
/// the register.  (Clusters made in the same way may have the same id.)
bool apart(const View& left, const View& right)
{
    return left.cluster != right.cluster || left.found.has_value() != right.found.has_value();
}

Judged judge(const std::vector<View>& views, const Names& names)
{
    const auto first = std::ranges::find(views, true, &View::up);
    if (first == views.end()) {
        std::string why;
        for (const auto& view : views)
            why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", view.url, view.why);
        return {Health::lost, fmt::format("the witness does not answer: {}", why)};
    }
    const auto other = std::find_if(
        first, views.end(), [&](const View& view) { return view.up && apart(*first, view); });
    if (other != views.end())
        return {Health::split,
                fmt::format("{} and {} are not of one etcd, so they are no witness: [witness] "
                            "endpoints must name members of one cluster",
                            first->url, other->url)};
    if (!first->found)
        return {Health::wiped, "the witness has no register of this pair: \"roleswap witness "
                               "init\" makes it"};
    if (!first->found->verdict)
        return {Health::wiped, fmt::format("the witness holds {}, which is no verdict of {} and "
                                           "{}: does another pair have the same name?",
                                           shown(first->found->text), names[0], names[1])};
    return {Health::well};
}

std::string_view event_name(Health health)
{
    switch (health) {
    case Health::lost:
        return "witness_lost";
    case Health::wiped:
        return "witness_wiped";
    case Health::split:
        return "witness_split";
    case Health::well:
    case Health::unknown:
        break;
    }
    return "witness_back";
}

} // namespace

std::string_view to_string(Health health)
{
    switch (health) {
    case Health::unknown:
        return "unknown";
    case Health::well:
        return "well";
    case Health::lost:
        return "lost";
    case Health::wiped:
        return "wiped";
    case Health::split:
        return "split";
    }
    return "?";
}

void Witness::look(std::function<void()> done)
{
    if (look_ == nullptr) {
        if (done) waiting_.push_back(std::move(done));
        return begin_look();
    }
    look_again_ = true;
    if (done) waiting_next_.push_back(std::move(done));
}

void Witness::begin_look()
{
    look_ = std::make_unique<Look>(
        Look::Parties{client_, options_.login, options_.names, key_, options_.look_limit},
        endpoints_, [this] {
            later_.push_back([this] { looked(); });
            run_later_.trigger();
        });
}

void Witness::looked()
{
    views_ = look_->views();
    look_.reset();
    judge_looks();
    announce();
    if (callbacks_.on_look) callbacks_.on_look();
    for (const auto& done : std::exchange(waiting_, {})) done();
    if (!std::exchange(look_again_, false)) return;
    waiting_ = std::exchange(waiting_next_, {});
    begin_look();
}

void Witness::judge_looks()
{
    before_ = health_;
    auto judged = judge(views_, options_.names);
    health_ = judged.health;
    why_ = std::move(judged.why);
    const auto up = std::ranges::find(views_, true, &View::up);
    if (up == views_.end()) return watcher_.stop();
    register_ = up->found;
    if (!views_[best_].up) best_ = static_cast<std::size_t>(up - views_.begin());
    watcher_.watch(*endpoints_[best_]);
}

/// A state is told when two looks in a row have found it, and not oftener than the gap; that it is
/// well from the beginning is no news.
void Witness::announce()
{
    if (health_ != before_ || health_ == told_) return;
    const bool news = health_ != Health::well || told_ != Health::unknown;
    const auto now = event::Loop::now();
    if (news && told_at_ && now - *told_at_ < options_.event_gap) return;
    told_ = health_;
    if (!news) return;
    told_at_ = now;
    if (callbacks_.on_event)
        callbacks_.on_event(event_name(health_),
                            health_ == Health::well ? "the witness answers again" : why_);
}

Status Witness::status() const
{
    Status status{health_, why_, {}, views_, last_};
    if (register_) status.verdict = register_->verdict;
    return status;
}

} // namespace roleswap::witness
