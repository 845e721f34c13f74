#pragma once
#include "event/loop.hpp"
#include "work/pace.hpp"
#include "work/session.hpp"
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace roleswap::work {

/// The runs that are held after an outage: counts them, and brings the released ones into their
/// queues, no faster than their rate.  Made anew with each session, whose store has all of it: a
/// release goes on after a swap.  Pinned.
class HeldRuns {
public:
    struct Callbacks {
        std::function<bool()> may_start;
        /// Those that are held: released runs wait outside of them, or the end of the hold would be
        /// the end of the rate.
        std::function<std::vector<std::string>()> held_queues;
        std::function<void()> on_queued; ///< some wait in their queues now
    };
    HeldRuns(event::Loop& loop, Session& session, Callbacks callbacks);

    void set_rate(const Rate& rate) { pace_.begin(rate); }
    const Rate& rate() const { return pace_.rate(); }
    /// Asks the store how many there are.
    void count();
    /// The query and its answer, for who changes them in the same transaction.
    static pg::Query count_query();
    void take_count(const pg::Result& counts);
    /// What hindered released runs may be over.
    void go_on();

    std::size_t runs() const { return runs_; }
    std::size_t released() const { return released_; }
    /// {"runs","tasks","released","rate"}; the rate is null where nothing is released.
    nlohmann::json status() const;

private:
    void moved(const pg::Outcome& outcome, std::vector<std::string> passed_over);
    Session& session_;
    Callbacks callbacks_;
    Pace pace_;
    std::size_t runs_ = 0; ///< released ones included
    std::size_t tasks_ = 0;
    std::size_t released_ = 0;
    bool busy_ = false;
    /// All released runs that there are wait for one of these queues.
    std::vector<std::string> stuck_behind_;
    event::Timer timer_;
};

} // namespace roleswap::work
