#include "work/slices.hpp"

namespace roleswap::work {

void Slices::add(std::function<Slice()> step)
{
    jobs_.push_back(std::move(step));
    later_.trigger();
}

void Slices::clear()
{
    jobs_.clear();
    ++cleared_;
}

void Slices::run()
{
    const auto begun = event::Loop::now();
    while (!jobs_.empty() && event::Loop::now() - begun < turn_max) {
        const auto cleared = cleared_;
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        if (job() == Slice::more && cleared == cleared_) jobs_.push_front(std::move(job));
    }
    if (!jobs_.empty()) later_.trigger();
}

} // namespace roleswap::work
