#pragma once
#include "durable/writer.hpp"
#include <cstdint>
#include <deque>
#include <string>

namespace roleswap::durable {

/// One thing that happened on this node.
struct LoggedEvent {
    std::uint64_t sequence = 0; ///< grows by one on this node for ever
    std::string at;             ///< RFC 3339 UTC with milliseconds
    std::string node;
    std::string what;  ///< stable id such as "takeover"
    std::string why;   ///< one sentence with the evidence
    std::string level; ///< info, notice, warning or error
    /// JSON object: what a decision of the role protocol was made on; empty where it is none.
    std::string evidence{};
};

/// Without the evidence, which only `roleswap why` asks for.
std::string to_json(const LoggedEvent& event);

/// The events of this node in DATA_DIR/events.jsonl, one JSON object a line: readable while the
/// store is down.  Keeps the newest 2000 in memory and rewrites the file when it grows past twice
/// that.
class EventLog {
public:
    /// Reads what is there; damaged lines are left out and counted in an event of their own.
    EventLog(Writer& writer, std::string path);

    /// Gives the event its number and appends it, without waiting for the disk.
    const LoggedEvent& add(LoggedEvent event);
    const std::deque<LoggedEvent>& events() const { return events_; }
    std::uint64_t damaged_lines() const { return damaged_; }

private:
    void append(const std::string& line);
    void rewrite();
    Writer& writer_;
    std::string path_;
    std::deque<LoggedEvent> events_;
    std::uint64_t last_ = 0;
    std::uint64_t damaged_ = 0;
    std::size_t lines_ = 0;
};

} // namespace roleswap::durable
