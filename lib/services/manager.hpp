#pragma once
#include "event/loop.hpp"
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <systemd/sd-bus.h>

namespace roleswap::services {

struct CloseBus {
    void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
};
struct CloseSlot {
    void operator()(sd_bus_slot* slot) const noexcept { sd_bus_slot_unref(slot); }
};
struct CloseMessage {
    void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using BusHandle = std::unique_ptr<sd_bus, CloseBus>;
using SlotHandle = std::unique_ptr<sd_bus_slot, CloseSlot>;
using MessageHandle = std::unique_ptr<sd_bus_message, CloseMessage>;

/// sd-bus has its errors in its results.  Throws std::system_error for a negative one.
int checked(int result, std::string_view what);

/// The object of a unit on the bus.
std::string unit_object(const std::string& unit);

/// A text as part of a unit's name: what is not a letter, a digit, "_" or a dot behind the first
/// place becomes \xNN, "-" too, which parts the levels of a slice (systemd.unit(5)).
std::string escaped(std::string_view text);

/// The service manager of this machine, through the system bus (org.freedesktop.systemd1(5)).
/// Never blocks.  A bus that is lost is opened again by the next call.  For lib/store and lib/run;
/// both must outlive what they asked for.  Pinned.
class Manager {
public:
    /// Empty when all went well; else one sentence or systemd's word for the result of the job.
    using Done = std::function<void(const std::string& trouble)>;
    using Fill = std::function<void(sd_bus_message* call)>;
    enum class Ends : std::uint8_t {
        with_answer,
        with_job, ///< the answer names a job, whose end is awaited
    };
    struct Events {
        std::function<void()> on_open; ///< a bus was opened; none of its matches is there yet
        std::function<void()> on_lost; ///< and was lost, before the calls under way fail
    };
    Manager(event::Loop& loop, Events events);
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    /// Throws std::system_error where there is no bus.
    void open();
    /// `fill` appends the arguments.  Throws std::system_error; `done` is not called then.
    void call(const char* method, Ends ends, const Fill& fill, Done done);
    /// How the main process of a service ended, as systemd has it (systemd.exec(5), "Process exit
    /// codes"); -1 where it does not tell.
    void ask_main_status(const std::string& unit, std::function<void(int status)> done);
    /// For a signal of an object of systemd.  Throws std::system_error.
    SlotHandle match(const char* object, const char* interface, const char* signal,
                     sd_bus_message_handler_t handler, void* data);

private:
    struct Call {
        Manager* owner = nullptr;
        Done done;
        Ends ends = Ends::with_answer;
        std::string job{}; ///< its object, once it is known
        SlotHandle slot{};
    };
    struct Question {
        Manager* owner = nullptr;
        std::function<void(int)> done;
        SlotHandle slot{};
    };
    using Calls = std::list<Call>;

    void finish(Calls::iterator call, const std::string& trouble);
    void answered(Call& call, sd_bus_message* reply);
    void told(Question& question, sd_bus_message* reply);
    void job_removed(sd_bus_message* message);
    void disconnected(sd_bus_message* message);
    template <auto member> static int trampoline(sd_bus_message*, void*, sd_bus_error*) noexcept;
    template <class Asked, auto member>
    static int on_reply(sd_bus_message*, void*, sd_bus_error*) noexcept;

    event::Loop& loop_;
    Events events_;
    bool broken_ = false;
    BusHandle bus_;
    std::list<SlotHandle> matches_;
    Calls calls_;
    std::list<Question> questions_;
};

} // namespace roleswap::services
