#pragma once
#include "event/loop.hpp"
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <systemd/sd-bus.h>

namespace roleswap::store {

struct CloseBus {
    void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
};
struct CloseSlot {
    void operator()(sd_bus_slot* slot) const noexcept { sd_bus_slot_unref(slot); }
};
using BusHandle = std::unique_ptr<sd_bus, CloseBus>;
using SlotHandle = std::unique_ptr<sd_bus_slot, CloseSlot>;

/// One unit, started and stopped through the system bus (org.freedesktop.systemd1(5)).  Never
/// blocks.  A bus that is lost is opened again by the next call.  Pinned.
class SystemdUnit {
public:
    /// Empty when all went well; else one sentence or systemd's word for the result of the job.
    using Done = std::function<void(const std::string& trouble)>;

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
    struct Call {
        SystemdUnit* owner = nullptr;
        Done done;
        bool makes_job = false;
        std::string job{}; ///< its object, once it is known
        SlotHandle slot{};
    };
    using Calls = std::list<Call>;

    void open();
    void add_match(const char* object, const char* interface, const char* signal,
                   sd_bus_message_handler_t handler);
    void call(const char* method, bool makes_job, Done done);
    void finish(Calls::iterator call, const std::string& trouble);
    void fail_all(const std::string& trouble);
    void answered(Call& call, sd_bus_message* reply);
    void job_removed(sd_bus_message* message);
    void read_properties(sd_bus_message* message);
    template <auto member> static int trampoline(sd_bus_message*, void*, sd_bus_error*) noexcept;
    static int on_reply(sd_bus_message*, void*, sd_bus_error*) noexcept;
    void disconnected(sd_bus_message* message);

    event::Loop& loop_;
    std::string unit_;
    std::string object_;
    std::function<void()> on_state_;
    std::string active_;
    std::string sub_;
    bool broken_ = false;
    BusHandle bus_;
    std::list<SlotHandle> matches_;
    Calls calls_;
};

} // namespace roleswap::store
