#pragma once
#include "durable/event_log.hpp"
#include "line_budget.hpp"
#include "run/spec.hpp"
#include <functional>
#include <string>
#include <string_view>

namespace roleswap::daemon {

/// The only place that logs: an event goes to the node's event log, to the journal with its
/// MESSAGE_ID and fields (to stderr where there is no journal), and to whoever listens on the bus.
class Announcer {
public:
    using Listener = std::function<void(const durable::LoggedEvent&)>;
    Announcer(durable::EventLog& log, std::string node);

    /// `evidence`: JSON object for `roleswap why`, or empty.
    void announce(std::string_view what, std::string_view why, std::string evidence = {});
    /// One line of a task's output, to the journal only; of a flood not all.
    void run_line(const run::OutputLine& line);
    void set_listener(Listener listener) { listener_ = std::move(listener); }

private:
    durable::EventLog& log_;
    std::string node_;
    Listener listener_;
    bool journal_ = false;
    LineBudget lines_;
};

/// Milliseconds since 1970 by the wall clock, as RFC 3339.
std::string wall_now();

} // namespace roleswap::daemon
