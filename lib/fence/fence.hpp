#pragma once
#include "fence/device.hpp"
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roleswap::fence {

enum class Result : std::uint8_t {
    confirmed, ///< the peer is off: the device or a human says so
    failed,    ///< it may be on
};
std::string_view to_string(Result result);

/// What a run came to; also that of `roleswap fence test --really`.
struct Report {
    Result result = Result::failed;
    std::string why;                ///< one sentence: what confirmed it, or what failed last
    std::vector<std::string> steps; ///< "attempt 1: off: exit code 0 (212 ms)"
    Duration took{0};
};

/// How the fence stands, for status and check.
struct Status {
    enum class State : std::uint8_t {
        idle,
        fencing, ///< commands are under way, or a pause between them
        waiting, ///< for a human
    };
    std::string device; ///< Device::name
    State state = State::idle;
    std::uint64_t ticket = 0; ///< of the run under way; 0: a test, or none
    unsigned attempt = 0;     ///< from 1; 0: none under way
    std::string step;         ///< newest step of the run under way
    std::optional<Look> look; ///< the newest look at the device; empty: none yet
    Duration looked_at{0};    ///< Loop::now() of it
    std::optional<Report> last;
    Duration last_at{0};
};
std::string_view to_string(Status::State state);

/// What the owner wants to hear; may be called from inside the methods.
struct Callbacks {
    /// The answer to `fence(ticket)`, once, unless another run or `cancel` came before.
    std::function<void(std::uint64_t ticket, Result result)> on_answer;
    /// `what` is fence_started, fence_confirmed, fence_failed, fence_ready or fence_unready.
    std::function<void(std::string_view what, const std::string& why)> on_event;
};

/// Switches the peer off and proves it: `off`, then `status` until it says off, in a few attempts
/// within a time limit.  Only what the device or a human says confirms; a time-out is a failure.
/// Looks at the device now and then, so that a dead one is known before it is needed.  Pinned.
class Fence {
public:
    Fence(event::Loop& loop, Options options, Callbacks callbacks);
    /// The same with a device of the caller; for tests.
    Fence(event::Loop& loop, Options options, Callbacks callbacks, std::unique_ptr<Device> device);
    Fence(const Fence&) = delete;
    Fence& operator=(const Fence&) = delete;

    /// Begins; what is under way is given up, because only what is seen after this counts.
    void fence(std::uint64_t ticket);
    /// Gives up what is under way for a ticket; the device may have acted.  A test goes on.
    void cancel();
    using OnReport = std::function<void(const Report&)>;
    /// Really switches the peer off.  Fails at once while something is under way.
    void test(const std::string& who, OnReport on_report);
    /// A human says that the peer is off.  Counts for the run under way, or, after one that failed,
    /// for the next one.  False where nothing waits for that.
    [[nodiscard]] bool confirm(const std::string& who);
    /// The peer is heard, so what failed is of no interest, and what a human said is not so.
    void peer_heard();

    using OnLook = std::function<void(const Look&, Duration took)>;
    /// Asks the device for the power of the peer; fails at once while a run is under way.
    void look(OnLook on_look);

    Status status() const;
    bool is_meatware() const { return device_ == nullptr; }
    /// Upper limit of a run.
    Duration run_max() const { return options_.timeout; }

private:
    struct Run {
        std::uint64_t ticket = 0; ///< 0: a test
        OnReport on_report;
        unsigned attempt = 0;
        Duration began{0};
        Duration step_began{0};
        bool off_done = false; ///< in this attempt
        std::string failure;   ///< the newest
        Report report;
    };
    void begin(std::uint64_t ticket, const std::string& why, OnReport on_report);
    void next_attempt();
    void order_off();
    void order_look();
    void on_off(const Outcome& outcome);
    void on_power(const Look& look);
    void attempt_failed(const std::string& why);
    void share_over();
    void note_step(std::string_view command, const std::string& said);
    void finish(Result result, std::string why);
    void monitor();
    void looked(const Look& look);
    void end_looks(const Look& look);
    Duration share() const { return options_.timeout / options_.attempts; }

    Options options_;
    Callbacks callbacks_;
    std::unique_ptr<Device> device_; ///< null: meatware
    std::optional<Run> run_;
    bool refused_ = false; ///< the newest run for a ticket failed, and the peer was not heard since
    std::string human_;    ///< who said since then that the peer is off; empty: nobody
    Duration human_at_{0};
    std::vector<OnLook> lookers_; ///< wait for the look under way
    bool looking_ = false;
    Duration look_began_{0};
    Status status_;
    event::Timer share_timer_; ///< the time of this attempt is over
    event::Timer pause_timer_;
    event::Timer monitor_timer_;
    bool pause_is_attempt_ = false; ///< the pause ends with a new attempt, else with a look
};

} // namespace roleswap::fence
