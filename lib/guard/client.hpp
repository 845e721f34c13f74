#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include "event/process.hpp"
#include "guard/page.hpp"
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace roleswap::guard {

struct Settings {
    std::string program;    ///< path of roleswap-guard
    std::string own_group;  ///< cgroup folder for the guard itself; empty: stays in the daemon's
    std::string task_group; ///< cgroup folder of all direct tasks; empty: there is none
    std::string unit_group; ///< cgroup folder of the tasks' transient units, which may not be there
                            ///< yet; empty: there is none
    std::string store_group; ///< cgroup folder of the store; empty: there is none
    std::string marker;      ///< "NAME=value" that task processes without a cgroup begin with
    std::string cluster;     ///< working folder of every postgres process of this node
    /// Opens the hardware watchdog, armed; empty: none is wanted.  May throw std::runtime_error.
    std::function<event::UniqueFd()> open_watchdog;
    std::chrono::milliseconds watchdog_timeout{0};
};

/// What the guard is and did, for status and messages.
struct Snapshot {
    bool running = false;
    std::uint32_t protection = 0;        ///< bits of Protection
    std::optional<event::Duration> left; ///< until the deadline; empty = disarmed
    std::uint32_t firings = 0;
    bool watchdog = false;        ///< the hardware watchdog is armed and fed
    std::string watchdog_trouble; ///< why not, where it is wanted
    std::string trouble;          ///< why it does not run
};

/// One firing, once all is known of it.
struct Firing {
    event::Duration deadline{0};               ///< CLOCK_BOOTTIME
    event::Duration late{0};                   ///< from the deadline until the guard acted
    std::optional<event::Duration> dead_after; ///< from the deadline until nothing was left
};

/// The daemon's side of roleswap-guard: starts it, tells it the deadline, learns what it did.
/// Owned by the instance.  Pinned.
class Client {
public:
    struct Events {
        std::function<void()> on_ready;                      ///< after each start
        std::function<void(const std::string& why)> on_lost; ///< it died or stands still
        std::function<void()> on_fired;                      ///< `fired` says more
    };
    /// Throws std::system_error when the page cannot be made.
    Client(event::Loop& loop, Settings settings, Events events);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    /// Tells the guard to end; it kills what is left of tasks and store then.
    ~Client();

    /// Starts the guard, also after it was lost; it knows no deadline then.  Throws
    /// std::system_error or std::runtime_error where the program cannot be started.
    void start();

    enum class Extended : std::uint8_t {
        yes,
        fired, ///< too late, everything is being killed
        lost,  ///< no guard is there to hold it
    };
    /// `until` is CLOCK_BOOTTIME in microseconds, or `never`.  No system call, but where the new
    /// deadline is an earlier one.  After a firing that was noted, a deadline to come or `never`
    /// ends the killing.
    [[nodiscard]] Extended extend(Micros until) noexcept;
    /// It fired, and this was not acknowledged yet.  No system call.
    bool fired() const noexcept;
    /// Of the newest firing.
    Firing firing() const noexcept;
    /// The daemon acts by the firing.  The guard goes on killing until the next `extend`: what the
    /// deadline promised holds until the daemon has made sure that nothing is alive.
    void note_firing() noexcept { noted_ = true; }

    /// To be called whenever the daemon's clock had its turn, with the time that was planned from
    /// its last turn to this: notices a guard that stands still.  What the machine stood still is
    /// not in it.
    void look(event::Duration planned);
    Snapshot snapshot() const;

private:
    struct Unmap {
        void operator()(Page* page) const noexcept;
    };
    void make_page();
    void open_watchdog();
    std::vector<std::string> arguments() const;
    void say(char message) noexcept;
    void heard();
    void lost(const std::string& why);

    event::Loop& loop_;
    Settings settings_;
    Events events_;
    event::UniqueFd memory_;
    std::unique_ptr<Page, Unmap> page_;
    bool noted_ = false; ///< the daemon knows of the newest firing
    bool ready_ = false;
    std::uint32_t turns_ = 0;  ///< as last seen
    event::Duration stood_{0}; ///< since they grew
    event::UniqueFd watchdog_;
    bool watchdog_armed_ = false;
    std::string watchdog_trouble_;
    std::string trouble_ = "it is being started";
    event::UniqueFd socket_;
    std::unique_ptr<event::Process> process_;
    std::unique_ptr<event::Io> io_;
};

/// Opens a hardware watchdog (Linux Documentation/watchdog/watchdog-api.rst) and sets its time-out,
/// which arms it.  Throws std::runtime_error with a sentence: not there, held by another, no
/// watchdog, time-out not possible.
event::UniqueFd arm_watchdog(const std::string& path, std::chrono::seconds timeout);

} // namespace roleswap::guard
