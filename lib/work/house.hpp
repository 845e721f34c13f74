#pragma once
#include "event/loop.hpp"
#include "work/session.hpp"
#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace roleswap::work {

/// Keeps the history short: of each task the newest ended runs, none for longer than some days, and
/// nothing that belonged to runs which are gone.  In slices, so that the work goes on between them.
/// Made anew with each session.  Pinned.
///
/// Neither rule can drop a table of its own for each span of time: what a task keeps is a number of
/// runs, so the yearly task and the one of each second end in other places.  All looks go along the
/// index of task and due time.
class House {
public:
    struct Limits {
        std::uint32_t runs = 1000; ///< ended ones kept for each task, from 1
        std::uint32_t days = 90;   ///< and for so long at most, from 1
        std::chrono::milliseconds period{600'000};
        std::uint64_t ended = 100'000; ///< runs, after which a period is over early
    };
    struct Callbacks {
        std::function<bool()> may_work;
        std::function<std::set<std::string>()> tasks; ///< all names
        std::function<void(const std::string&)> on_trouble;
    };
    House(event::Loop& loop, Session& session, Limits limits, Callbacks callbacks);

    void begin();
    /// A run of it ended, or was skipped.  Where very many did, nobody waits for the next period.
    void note_ended(const std::string& task);

private:
    /// Gets the results of a slice; null: it failed.  True where there is more of the same.
    using Took = std::function<bool(const std::vector<pg::Result>*)>;
    void begin_period();
    void work();
    void slice();
    void slice_of_runs();
    void slice_of_rest();
    std::vector<pg::Query> run_queries(const std::vector<std::string>& names) const;
    bool swept(const pg::Row& row);
    void write(std::vector<pg::Query> queries, Took take);
    void go_on(bool full, event::Duration took);

    Session& session_;
    Limits limits_;
    Callbacks callbacks_;
    std::set<std::string> fresh_; ///< tasks of which runs ended since the last work began
    std::uint64_t ended_ = 0;     ///< so many
    std::set<std::string> tasks_; ///< still to be looked at
    std::size_t names_ = 20;      ///< so many of them by the next slice
    bool sweeping_ = false;       ///< for what is too old, along all tasks
    std::string swept_;           ///< the last task that was looked at
    event::Duration sweep_from_{0};
    bool rest_ = false; ///< what belonged to runs that are gone is to be looked for
    bool busy_ = false;
    event::Timer period_;
    event::Timer next_;
};

} // namespace roleswap::work
