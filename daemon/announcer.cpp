#include "announcer.hpp"
#include "base/time_text.hpp"
#include "message_ids.hpp"
#include <chrono>
#include <fmt/format.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

namespace roleswap::daemon {
namespace {

int priority(std::string_view level)
{
    if (level == "error") return LOG_ERR;
    if (level == "warning") return LOG_WARNING;
    return level == "notice" ? LOG_NOTICE : LOG_INFO;
}

/// A field value ends at its length, so any text is allowed in it.
iovec field(const std::string& text)
{
    return {const_cast<char*>(text.data()), text.size()};
}

} // namespace

std::string wall_now()
{
    using namespace std::chrono;
    return base::to_rfc3339(floor<milliseconds>(system_clock::now()));
}

Announcer::Announcer(durable::EventLog& log, std::string node)
    : log_(log), node_(std::move(node)),
      journal_(::access("/run/systemd/journal/socket", W_OK) == 0)
{
}

void Announcer::announce(std::string_view what, std::string_view why, std::string evidence)
{
    const auto& kind = message_kind(what);
    const auto& event = log_.add({0, wall_now(), node_, std::string(what), std::string(why),
                                  std::string(kind.level), std::move(evidence)});
    if (journal_) {
        const std::string texts[] = {fmt::format("MESSAGE={}: {}", what, why),
                                     fmt::format("MESSAGE_ID={}", kind.id),
                                     fmt::format("PRIORITY={}", priority(kind.level)),
                                     fmt::format("ROLESWAP_EVENT={}", what),
                                     fmt::format("ROLESWAP_NODE={}", node_),
                                     "SYSLOG_IDENTIFIER=roleswapd"};
        iovec fields[std::size(texts)];
        for (std::size_t i = 0; i < std::size(texts); ++i) fields[i] = field(texts[i]);
        sd_journal_sendv(fields, static_cast<int>(std::size(fields)));
    } else {
        fmt::print(stderr, "{} {} {}: {}\n", event.at, kind.level, what, why);
    }
    if (listener_) listener_(event);
}

void Announcer::run_line(const run::OutputLine& line)
{
    // The store keeps the tail of the output anyway.
    if (!journal_ || !lines_.take(event::Loop::now())) return;
    if (const auto left_out = lines_.left_out(); left_out > 0)
        sd_journal_send("MESSAGE=run_output: %llu lines of output of tasks were left out here: at "
                        "most %lld a second are written to the journal",
                        static_cast<unsigned long long>(left_out),
                        static_cast<long long>(LineBudget::per_second), "PRIORITY=%i", LOG_NOTICE,
                        "SYSLOG_IDENTIFIER=roleswapd", nullptr);
    const std::string texts[] = {fmt::format("MESSAGE={}", line.text),
                                 fmt::format("MESSAGE_ID={}", message_kind("run_output").id),
                                 fmt::format("PRIORITY={}", LOG_INFO),
                                 fmt::format("ROLESWAP_NODE={}", node_),
                                 fmt::format("ROLESWAP_TASK={}", line.tag),
                                 fmt::format("ROLESWAP_RUN={}", line.id),
                                 fmt::format("ROLESWAP_ATTEMPT={}", line.attempt),
                                 fmt::format("ROLESWAP_DUE={}", line.due),
                                 fmt::format("SYSLOG_IDENTIFIER=roleswap/{}", line.tag)};
    iovec fields[std::size(texts)];
    for (std::size_t i = 0; i < std::size(texts); ++i) fields[i] = field(texts[i]);
    sd_journal_sendv(fields, static_cast<int>(std::size(fields)));
}

} // namespace roleswap::daemon
