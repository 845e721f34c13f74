#include "store/systemd_unit.hpp"
#include "event/fd.hpp"
#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <system_error>

namespace roleswap::store {
namespace {

constexpr const char* systemd_name = "org.freedesktop.systemd1";
constexpr const char* manager_object = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";

/// sd-bus has its errors in its results.
int checked(int result, std::string_view what)
{
    if (result < 0) throw std::system_error(-result, std::generic_category(), std::string(what));
    return result;
}

std::string object_of(const std::string& unit)
{
    char* path = nullptr;
    checked(sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path),
            "name the object of " + unit);
    const std::unique_ptr<char, decltype(&std::free)> held(path, &std::free);
    return path;
}

} // namespace

SystemdUnit::SystemdUnit(event::Loop& loop, std::string unit, std::function<void()> on_state)
    : loop_(loop), unit_(std::move(unit)), object_(object_of(unit_)), on_state_(std::move(on_state))
{
}

template <auto member>
int SystemdUnit::trampoline(sd_bus_message* message, void* self, sd_bus_error*) noexcept
{
    auto* unit = static_cast<SystemdUnit*>(self);
    try {
        (unit->*member)(message);
    } catch (...) {
        unit->loop_.fail();
    }
    return 0;
}

void SystemdUnit::add_match(const char* object, const char* interface, const char* signal,
                            sd_bus_message_handler_t handler)
{
    sd_bus_slot* slot = nullptr;
    const bool local = std::string_view(interface) == "org.freedesktop.DBus.Local";
    checked(sd_bus_match_signal_async(bus_.get(), &slot, local ? nullptr : systemd_name, object,
                                      interface, signal, handler, nullptr, this),
            "listen to systemd");
    matches_.emplace_back(slot);
}

void SystemdUnit::open()
{
    if (bus_ && !broken_) return;
    matches_.clear();
    bus_.reset();
    broken_ = false;
    sd_bus* bus = nullptr;
    checked(sd_bus_open_system(&bus), "open the system bus");
    bus_.reset(bus);
    checked(sd_bus_attach_event(bus, loop_.get(), SD_EVENT_PRIORITY_NORMAL), "watch the bus");
    add_match("/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
              &trampoline<&SystemdUnit::disconnected>);
    add_match(manager_object, manager_interface, "JobRemoved",
              &trampoline<&SystemdUnit::job_removed>);
    add_match(object_.c_str(), "org.freedesktop.DBus.Properties", "PropertiesChanged",
              &trampoline<&SystemdUnit::read_properties>);
    // Without it systemd tells nobody (org.freedesktop.systemd1(5), "Subscribe()").
    checked(sd_bus_call_method_async(bus, nullptr, systemd_name, manager_object, manager_interface,
                                     "Subscribe", nullptr, nullptr, nullptr),
            "subscribe to systemd");
}

void SystemdUnit::start(Done done)
{
    call("StartUnit", true, std::move(done));
}

void SystemdUnit::stop(Done done)
{
    call("StopUnit", true, std::move(done));
}

void SystemdUnit::reload_manager(Done done)
{
    call("Reload", false, std::move(done));
}

void SystemdUnit::call(const char* method, bool makes_job, Done done)
{
    open();
    auto& call = calls_.emplace_back(Call{this, std::move(done), makes_job});
    sd_bus_slot* slot = nullptr;
    const int sent =
        makes_job ? sd_bus_call_method_async(bus_.get(), &slot, systemd_name, manager_object,
                                             manager_interface, method, &on_reply, &call, "ss",
                                             unit_.c_str(), "replace")
                  : sd_bus_call_method_async(bus_.get(), &slot, systemd_name, manager_object,
                                             manager_interface, method, &on_reply, &call, nullptr);
    call.slot.reset(slot);
    if (sent >= 0) return;
    calls_.pop_back();
    checked(sent, fmt::format("ask systemd for {} of {}", method, unit_));
}

int SystemdUnit::on_reply(sd_bus_message* reply, void* data, sd_bus_error*) noexcept
{
    auto& call = *static_cast<Call*>(data);
    auto& unit = *call.owner;
    try {
        unit.answered(call, reply);
    } catch (...) {
        unit.loop_.fail();
    }
    return 0;
}

void SystemdUnit::answered(Call& call, sd_bus_message* reply)
{
    const auto place = std::ranges::find_if(calls_, [&](const Call& c) { return &c == &call; });
    if (const auto* error = sd_bus_message_get_error(reply))
        return finish(place, error->message == nullptr ? error->name : error->message);
    if (!call.makes_job) return finish(place, "");
    const char* job = nullptr;
    checked(sd_bus_message_read(reply, "o", &job), "read the answer of systemd");
    call.job = job;
}

void SystemdUnit::finish(Calls::iterator call, const std::string& trouble)
{
    const auto done = std::move(call->done);
    calls_.erase(call);
    done(trouble);
}

void SystemdUnit::fail_all(const std::string& trouble)
{
    while (!calls_.empty()) finish(calls_.begin(), trouble);
}

void SystemdUnit::job_removed(sd_bus_message* message)
{
    std::uint32_t id = 0;
    const char* job = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    checked(sd_bus_message_read(message, "uoss", &id, &job, &unit, &result), "read JobRemoved");
    const bool done = std::string_view(result) == "done";
    for (;;) { // two calls may have been made one job
        const auto call = std::ranges::find(calls_, job, &Call::job);
        if (call == calls_.end()) return;
        finish(call, done ? "" : result);
    }
}

/// "sa{sv}as": interface, what changed, what else is not the same any more.
void SystemdUnit::read_properties(sd_bus_message* message)
{
    const char* interface = nullptr;
    checked(sd_bus_message_read(message, "s", &interface), "read PropertiesChanged");
    checked(sd_bus_message_enter_container(message, 'a', "{sv}"), "read PropertiesChanged");
    while (checked(sd_bus_message_enter_container(message, 'e', "sv"), "read a property") > 0) {
        const char* name = nullptr;
        checked(sd_bus_message_read(message, "s", &name), "read a property");
        const std::string_view property = name;
        const char* value = nullptr;
        if (property == "ActiveState" || property == "SubState") {
            checked(sd_bus_message_read(message, "v", "s", &value), "read a property");
            (property == "ActiveState" ? active_ : sub_) = value;
        } else {
            checked(sd_bus_message_skip(message, "v"), "read a property");
        }
        checked(sd_bus_message_exit_container(message), "read a property");
    }
    on_state_();
}

void SystemdUnit::disconnected(sd_bus_message*)
{
    broken_ = true;
    active_.clear();
    sub_.clear();
    fail_all("the connection to systemd was lost");
}

} // namespace roleswap::store
