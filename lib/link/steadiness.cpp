#include "link/steadiness.hpp"
#include <utility>

namespace roleswap::link {

Steadiness::Verdict Steadiness::changed(Duration now)
{
    changed_at_ = now;
    if (unsteady_) {
        ++untold_;
        return look(now);
    }
    recent_.push_back(now);
    while (now - recent_.front() > limits_.window) recent_.pop_front();
    if (recent_.size() < limits_.changes) return {Say::change, 1};
    unsteady_ = true;
    told_at_ = now;
    untold_ = 0;
    return {Say::unsteady, static_cast<unsigned>(std::exchange(recent_, {}).size())};
}

Steadiness::Verdict Steadiness::look(Duration now)
{
    if (!unsteady_) return {};
    const bool steady = now - changed_at_ >= limits_.quiet;
    if (!steady && now - told_at_ < limits_.summary) return {};
    unsteady_ = !steady;
    told_at_ = now;
    return {steady ? Say::steady : Say::summary, std::exchange(untold_, 0)};
}

} // namespace roleswap::link
