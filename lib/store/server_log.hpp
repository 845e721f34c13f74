#pragma once
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace roleswap::store {

/// What a line of the server's log means to us (messages of PostgreSQL 14 to 17 in lc_messages C).
enum class Sign : std::uint8_t {
    none,
    ready,          ///< accepts connections, as primary or standby
    streaming,      ///< a receiver has begun to stream from the primary
    diverged,       ///< this node holds WAL that the primary does not have: rewind
    foreign,        ///< the primary is another cluster: copy
    wal_missing,    ///< the primary has removed WAL that this node needs: copy
    broken,         ///< the cluster cannot be started: copy
    wrong_password, ///< somebody tried to join with a wrong password
    disk_full,      ///< a write failed for want of space
    panic,          ///< the server gives up by itself
};

Sign sign_of(std::string_view line);
/// Process that wrote the line, "[123] LOG: ..."; 0 when it does not say.
int pid_of(std::string_view line);

/// Keeps the last lines that postgres wrote and tells which have a meaning.
class ServerLog {
public:
    using OnSign = std::function<void(Sign, const std::string& line)>;
    explicit ServerLog(OnSign on_sign) : on_sign_(std::move(on_sign)) {}
    void feed(std::string_view text);
    void clear();
    /// The last line that tells of trouble (FATAL, PANIC), without its prefix; else empty.
    const std::string& last_error() const { return last_error_; }
    const std::deque<std::string>& lines() const { return lines_; }

private:
    void take(std::string line);
    OnSign on_sign_;
    std::string partial_;
    std::string last_error_;
    std::deque<std::string> lines_;
};

} // namespace roleswap::store
