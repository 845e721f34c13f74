#include "journal.hpp"
#include "base/time_text.hpp"
#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>
#include <vector>

namespace roleswap::agent {
namespace {

constexpr const MessageKind& kind_of(std::string_view what)
{
    for (const auto& kind : message_kinds)
        if (kind.what == what) return kind;
    return message_kinds[0];
}

int priority(std::string_view level)
{
    if (level == "error") return LOG_ERR;
    if (level == "warning") return LOG_WARNING;
    return level == "notice" ? LOG_NOTICE : LOG_INFO;
}

void send(const std::vector<std::string>& texts)
{
    std::vector<iovec> fields;
    for (const auto& text : texts) fields.push_back({const_cast<char*>(text.data()), text.size()});
    sd_journal_sendv(fields.data(), static_cast<int>(fields.size()));
}

} // namespace

Journal::Journal(std::string name)
    : name_(std::move(name)), journal_(::access("/run/systemd/journal/socket", W_OK) == 0)
{
}

void Journal::tell(std::string_view what, const std::string& why) const
{
    using namespace std::chrono;
    const auto& kind = kind_of(what);
    if (!journal_) {
        const auto at = base::to_rfc3339(floor<milliseconds>(system_clock::now()));
        return fmt::print(stderr, "{} {} {}: {}\n", at, kind.level, what, why);
    }
    send({fmt::format("MESSAGE={}: {}", what, why), fmt::format("MESSAGE_ID={}", kind.id),
          fmt::format("PRIORITY={}", priority(kind.level)), fmt::format("ROLESWAP_EVENT={}", what),
          fmt::format("ROLESWAP_AGENT={}", name_), "SYSLOG_IDENTIFIER=roleswap-agent"});
}

void Journal::run_line(const run::OutputLine& line) const
{
    if (!journal_) return; // the pair gets the tail of the output anyway
    send({fmt::format("MESSAGE={}", line.text),
          fmt::format("MESSAGE_ID={}", kind_of("run_output").id),
          fmt::format("PRIORITY={}", LOG_INFO), fmt::format("ROLESWAP_TASK={}", line.tag),
          fmt::format("ROLESWAP_RUN={}", line.id),
          fmt::format("SYSLOG_IDENTIFIER=roleswap/{}", line.tag)});
}

} // namespace roleswap::agent
