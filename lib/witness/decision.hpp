#pragma once
#include "event/loop.hpp"
#include "witness/attempt.hpp"
#include <memory>
#include <vector>

namespace roleswap::witness {

/// One task at all endpoints within a limit: the first one at once, the next after a part of the
/// limit or as soon as one has failed, so that a dead endpoint does not eat the time of the others;
/// when all were tried, again on new connections, since an open one may lead nowhere.  The first
/// answer counts, and nothing is sent after it.  Pinned; may not be destroyed inside `on_end`.
class Decision {
public:
    struct Parties {
        event::Loop& loop;
        http::Client& client;
        const Login& login;
        std::vector<Endpoint*> endpoints; ///< the likeliest first; not empty
    };
    /// `who` answered; null where nobody did.
    using OnEnd = std::function<void(const Ended&, const Endpoint* who)>;

    Decision(Parties parties, Task task, event::Duration limit, OnEnd on_end);
    bool over() const { return over_; }
    /// Ends it without a word: nothing is sent any more.
    void call_off();

private:
    void begin_next();
    void ended(std::size_t attempt, const Ended& end);
    void finish(const Ended& end, const Endpoint* who);
    void give_up();
    void stop_timers();
    Endpoint& endpoint(std::size_t attempt) const;

    Parties parties_;
    Task task_;
    event::Duration limit_;
    event::Duration deadline_;
    OnEnd on_end_;
    bool over_ = false;
    std::size_t under_way_ = 0;
    std::vector<std::string> why_; ///< by endpoint: what the newest attempt that failed said
    std::vector<std::unique_ptr<Attempt>> attempts_;
    event::Timer hedge_;
    event::Timer again_;
    event::Timer end_;
};

} // namespace roleswap::witness
