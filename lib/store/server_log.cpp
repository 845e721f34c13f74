#include "store/server_log.hpp"
#include <array>
#include <charconv>
#include <utility>

namespace roleswap::store {
namespace {

constexpr std::size_t lines_max = 200;
constexpr std::size_t line_bytes_max = 2000;

struct Mark {
    std::string_view text;
    Sign sign;
};
constexpr std::array marks = std::to_array<Mark>({
    {"database system is ready to accept", Sign::ready},
    // walreceiver.c
    {"started streaming WAL from primary", Sign::streaming},
    // xlogrecovery.c: rescanLatestTimeLine, and the check at its start
    {"before current recovery point", Sign::diverged},
    {"is not a child of this server's history", Sign::diverged},
    {"does not contain minimum recovery point", Sign::diverged},
    // walsender.c: StartReplication
    {"is not in this server's history", Sign::diverged},
    {"is ahead of the WAL flush position of this server", Sign::diverged},
    // walreceiver.c
    {"is behind recovery timeline", Sign::diverged},
    {"database system identifier differs", Sign::foreign},
    {"has already been removed", Sign::wal_missing},
    // xlogrecovery.c: InitWalRecovery
    {"could not locate a valid checkpoint record", Sign::broken},
    {"could not locate required checkpoint record", Sign::broken},
    {"incorrect checksum in control file", Sign::broken},
    {"password authentication failed for user \"roleswap_join\"", Sign::wrong_password},
    {"No space left on device", Sign::disk_full},
    {"PANIC:", Sign::panic},
});

} // namespace

Sign sign_of(std::string_view line)
{
    // What a client sent must not look like a sign.
    for (const char* quoted : {"STATEMENT:", "CONTEXT:", "HINT:"})
        if (line.find(quoted) != std::string_view::npos) return Sign::none;
    if (line.find("PANIC:") != std::string_view::npos &&
        line.find("No space left on device") != std::string_view::npos)
        return Sign::disk_full;
    for (const auto& mark : marks)
        if (line.find(mark.text) != std::string_view::npos) return mark.sign;
    return Sign::none;
}

int pid_of(std::string_view line)
{
    int pid = 0;
    const auto at = line.find('['); // a time may come before it
    if (at != std::string_view::npos)
        std::from_chars(line.data() + at + 1, line.data() + line.size(), pid);
    return pid;
}

void ServerLog::feed(std::string_view text)
{
    for (const char letter : text) {
        if (letter != '\n') {
            if (partial_.size() < line_bytes_max) partial_ += letter;
            continue;
        }
        take(std::exchange(partial_, {}));
    }
}

void ServerLog::take(std::string line)
{
    for (const char* level : {"FATAL:  ", "PANIC:  "}) {
        const auto at = line.find(level);
        // A session's end is none of the server's.
        const bool own = line.find("terminating ") == std::string::npos &&
                         line.find("the database system is ") == std::string::npos;
        if (at != std::string::npos && own) last_error_ = line.substr(at);
    }
    lines_.push_back(std::move(line));
    if (lines_.size() > lines_max) lines_.pop_front();
    const auto sign = sign_of(lines_.back());
    if (sign != Sign::none) on_sign_(sign, lines_.back());
}

void ServerLog::clear()
{
    lines_.clear();
    partial_.clear();
    last_error_.clear();
}

} // namespace roleswap::store
