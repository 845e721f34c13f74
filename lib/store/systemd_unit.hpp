#pragma once
#include "services/manager.hpp"

namespace roleswap::store {

/// One unit, started and stopped through the system bus (org.freedesktop.systemd1(5)).  Never
/// blocks.  A bus that is lost is opened again by the next call.  Pinned.
class SystemdUnit {
public:
    using Done = services::Manager::Done;

    /// `on_state`: the unit changed, as far as systemd tells.
    SystemdUnit(event::Loop& loop, std::string unit, std::function<void()> on_state);
    SystemdUnit(const SystemdUnit&) = delete;
    SystemdUnit& operator=(const SystemdUnit&) = delete;

    /// Called when the job that systemd made of it has ended.  Replaces jobs that wait.
    void start(Done done);
    void stop(Done done);
    /// Systemd reads its files anew.
    void reload_manager(Done done);

    /// "active", "deactivating", ... and "running", "stop", ...; empty until systemd told.
    const std::string& active() const { return active_; }
    const std::string& sub() const { return sub_; }

private:
    void listen();
    void call(const char* method, Done done);
    void read_properties(sd_bus_message* message);
    static int on_properties(sd_bus_message* message, void* self, sd_bus_error*) noexcept;
    void lost();

    event::Loop& loop_;
    std::string unit_;
    std::string object_;
    std::function<void()> on_state_;
    std::string active_;
    std::string sub_;
    services::Manager manager_;
    services::SlotHandle match_;
};

} // namespace roleswap::store
