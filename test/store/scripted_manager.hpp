#pragma once
#include "event/process.hpp"
#include "store/systemd_unit.hpp"
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace roleswap::test {

/// A real message bus of the test's own, made the system bus of this process.  Killed with its
/// holder.
class OwnBus {
public:
    explicit OwnBus(event::Loop& loop);
    ~OwnBus();
    OwnBus(const OwnBus&) = delete;
    OwnBus& operator=(const OwnBus&) = delete;
    void start();
    void kill();
    const std::string& address() const { return address_; }
    std::filesystem::path folder() const { return folder_; }

private:
    event::Loop& loop_;
    std::filesystem::path folder_;
    std::string address_;
    std::unique_ptr<event::Child> daemon_;
    bool ended_ = true;
};

/// Answers on that bus as org.freedesktop.systemd1 does (org.freedesktop.systemd1(5)), by a script.
class ScriptedManager {
public:
    /// What becomes of the next StartUnit, StopUnit or Reload; "done" where nothing is said.
    struct Turn {
        std::string error{}; ///< message of an error reply; empty: a job, or an answer to Reload
        std::string result = "done"; ///< of the job
        bool ends = true;            ///< false: `end_job` is called by the test
    };
    ScriptedManager(event::Loop& loop, const OwnBus& bus);
    ScriptedManager(const ScriptedManager&) = delete;
    ScriptedManager& operator=(const ScriptedManager&) = delete;

    std::deque<Turn> turns;
    std::vector<std::string> calls; ///< "StartUnit NAME MODE", ...
    bool merges = false;            ///< further calls get the job that is under way

    void end_job(const std::string& result);
    void tell_state(const std::string& unit, const char* active, const char* sub);

private:
    static int on_call(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
    int take(sd_bus_message* message);
    int answer_job(sd_bus_message* message, const Turn& turn);

    std::uint32_t job_ = 0;
    services::BusHandle bus_;
    services::SlotHandle slot_;
};

/// Turns the loop until `done`; false after 20 s.
bool turn_until(event::Loop& loop, const std::function<bool()>& done);

} // namespace roleswap::test
