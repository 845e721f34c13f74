#pragma once
#include "event/worker.hpp"
#include "pg/connection.hpp"
#include "work/bindings.hpp"
#include <functional>
#include <memory>

namespace roleswap::work {

/// Looks now and then whether the tasks could run on this node: on the standby, too, from its
/// mirror, so that a port that is missing there is known before the swap.  Owned by the daemon's
/// instance.  Pinned.
class BindingWatch {
public:
    struct Settings {
        std::string node;
        std::vector<std::string> nodes; ///< of the configuration
        std::string conninfo;           ///< of the store of this node, see pg::Options
        event::Duration period = std::chrono::seconds(15);
    };
    using Report = Bindings::Report;
    /// `on_news`: the report is another one than before.
    BindingWatch(event::Loop& loop, Settings settings, std::function<void(const Report&)> on_news);
    BindingWatch(const BindingWatch&) = delete;
    BindingWatch& operator=(const BindingWatch&) = delete;
    ~BindingWatch();

    /// Once; from then on whenever the store answers.
    void start();
    /// As of the last look; without tasks before the first.
    const Report& report() const { return report_; }

private:
    struct Reading;
    void look();
    void stamped(const pg::Reply& reply);
    void read(std::int64_t stamp);
    void take(pg::Outcome outcome, std::int64_t stamp);
    void give_up(const std::string& why);
    void judge();
    void judged();

    Settings settings_;
    std::function<void(const Report&)> on_news_;
    std::unique_ptr<Bindings> bindings_; ///< the worker's while `busy_`
    std::unique_ptr<Reading> reading_;   ///< the same
    std::int64_t stamp_ = -1;            ///< of what `bindings_` are made of
    Report report_;
    bool busy_ = false;
    event::Timer timer_;
    pg::Connection connection_;
    event::Worker worker_; ///< last: ends before what it works on
};

} // namespace roleswap::work
