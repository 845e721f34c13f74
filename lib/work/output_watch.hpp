#pragma once
#include "event/loop.hpp"
#include "run/output.hpp"
#include "work/engine.hpp"
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace roleswap::work {

/// One question of somebody who follows a run: what is new since he was told this?
struct OutputPoll {
    Reply reply;
    std::int64_t run = 0;
    int attempt = 0;          ///< that he knows of; 0: nothing yet
    std::uint64_t from = 0;   ///< byte of the output of that attempt
    std::string state;        ///< that he knows
    event::Duration until{0}; ///< then he is answered in any case; by event::Loop::now
};

/// How an attempt of a followed run ended: its last bytes, until he has read them.
struct EndedOutput {
    int attempt = 0;
    std::uint64_t bytes = 0;
    std::string tail;
};

/// Who waits for news of which run.  Nothing is kept of runs that nobody follows.  Pinned.
class OutputWatch {
public:
    using OnNews = std::function<void(OutputPoll)>; ///< look again, and answer it or let it wait
    OutputWatch(event::Loop& loop, OnNews on_news)
        : on_news_(std::move(on_news)), timer_(loop, [this] { tick(); })
    {
    }

    void wait(OutputPoll poll);
    /// Follows or did so a moment ago.
    bool follows(std::int64_t run) const { return runs_.contains(run); }
    /// There is output: told soon, together with what follows it at once.
    void note_output(std::int64_t run);
    /// Something else happened to the run.
    void wake(std::int64_t run);
    void note_end(std::int64_t run, EndedOutput end);
    /// The last end of a followed run.
    const EndedOutput* ended(std::int64_t run) const;
    void refuse_all(const VerbError& error);

private:
    struct Followed {
        std::vector<OutputPoll> polls;
        std::optional<EndedOutput> ended;
        event::Duration asked{0};   ///< last
        event::Duration tell_at{0}; ///< there is output to be told; 0: none
    };
    void tick();
    void arm();
    OnNews on_news_;
    std::map<std::int64_t, Followed> runs_;
    event::Timer timer_;
};

} // namespace roleswap::work
