#include "wire/replay_window.hpp"

namespace roleswap::wire {

void ReplayWindow::start_at(std::uint64_t sequence)
{
    start_ = sequence;
    newest_ = sequence;
    seen_.reset();
}

ReplayWindow::Verdict ReplayWindow::accept(std::uint64_t sequence)
{
    if (sequence < start_) return Verdict::too_old;
    if (sequence > newest_) {
        if (sequence - newest_ >= size)
            seen_.reset();
        else
            for (auto skipped = newest_ + 1; skipped < sequence; ++skipped)
                seen_.reset(skipped % size);
        newest_ = sequence;
        seen_.set(sequence % size);
        return Verdict::fresh;
    }
    if (newest_ - sequence >= size) return Verdict::too_old;
    if (seen_.test(sequence % size)) return Verdict::seen;
    seen_.set(sequence % size);
    return Verdict::fresh;
}

} // namespace roleswap::wire
