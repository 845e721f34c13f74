#include "link_announcer.hpp"
#include <fmt/format.h>

namespace roleswap::daemon {
namespace {

using link::LinkState;
using link::LinkStatus;
using Say = link::Steadiness::Say;
using namespace std::chrono_literals;

std::string_view word(const LinkStatus& status)
{
    return status.state == LinkState::up ? "link_up" : "link_down";
}

std::string is_now(const LinkStatus& status)
{
    return fmt::format("link {} ({} to {}) is {}{}", status.name, status.local, status.remote,
                       link::to_string(status.state),
                       status.trouble.empty() ? "" : ": " + status.trouble);
}

} // namespace

LinkAnnouncer::LinkAnnouncer(event::Loop& loop, const link::Transport& transport,
                             Announcer& announcer)
    : transport_(transport), announcer_(announcer), links_(transport.links()),
      timer_(loop, [this] { look(); })
{
    timer_.set_slack(100ms);
    timer_.start_every(1s);
}

void LinkAnnouncer::changed(std::size_t index, const LinkStatus& status)
{
    auto& link = links_.at(index);
    if (status.state == LinkState::up) link.loss = status.loss();
    say(link.steadiness.changed(event::Loop::now()), status, link.loss);
}

void LinkAnnouncer::look()
{
    for (std::size_t index = 0; index < links_.size(); ++index) {
        auto& link = links_[index];
        if (!link.steadiness.unsteady()) continue;
        const auto status = transport_.status(index);
        if (status.state == LinkState::up) link.loss = status.loss();
        say(link.steadiness.look(event::Loop::now()), status, link.loss);
    }
}

void LinkAnnouncer::say(const link::Steadiness::Verdict& verdict, const LinkStatus& status,
                        double loss)
{
    const auto told = [&](const char* span) {
        announcer_.announce("link_unsteady",
                            fmt::format("link {} is unsteady: {} changes in {}, loss {:.1f} %; its "
                                        "changes are not told one by one until it is steady",
                                        status.name, verdict.changes, span, loss * 100));
    };
    switch (verdict.say) {
    case Say::nothing:
        return;
    case Say::change:
        return announcer_.announce(word(status), is_now(status));
    case Say::unsteady:
        return told("10 s");
    case Say::summary:
        return told("the last minute");
    case Say::steady:
        return announcer_.announce(
            word(status),
            fmt::format("{}; steady again after {} more changes", is_now(status), verdict.changes));
    }
}

} // namespace roleswap::daemon
