#include "trouble.hpp"
#include "base/quantity.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::daemon {

Trouble::Trouble(event::Loop& loop, Tell tell, Times times)
    : tell_(std::move(tell)), times_(times), repeat_(loop, [this] { repeat(); }),
      calm_(loop, [this] { end(); })
{
}

void Trouble::happened(const std::string& why)
{
    calm_.stop();
    why_ = why;
    ++total_;
    if (open_) {
        ++untold_;
        return;
    }
    open_ = true;
    since_ = event::Loop::now();
    repeat_.start_every(times_.repeat);
    tell_.trouble(why);
}

void Trouble::well()
{
    if (open_ && !calm_.running()) calm_.start_in(times_.calm);
}

void Trouble::repeat()
{
    if (untold_ == 0) return;
    tell_.trouble(fmt::format("{} (with this {} times more)", why_, untold_));
    untold_ = 0;
}

void Trouble::end()
{
    using std::chrono::seconds;
    const auto lasted = std::chrono::floor<seconds>(event::Loop::now() - since_ - times_.calm);
    tell_.over(fmt::format("the store does its work again, after {} failures in {}", total_,
                           base::duration_text(std::max(lasted, seconds(0)))));
    open_ = false;
    untold_ = total_ = 0;
    repeat_.stop();
}

} // namespace roleswap::daemon
