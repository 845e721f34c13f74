#include "store/systemd_unit.hpp"

namespace roleswap::store {

using services::checked;

SystemdUnit::SystemdUnit(event::Loop& loop, std::string unit, std::function<void()> on_state)
    : loop_(loop), unit_(std::move(unit)), object_(services::unit_object(unit_)),
      on_state_(std::move(on_state)), manager_(loop, {[this] { listen(); }, [this] { lost(); }})
{
}

int SystemdUnit::on_properties(sd_bus_message* message, void* self, sd_bus_error*) noexcept
{
    auto* unit = static_cast<SystemdUnit*>(self);
    try {
        unit->read_properties(message);
    } catch (...) {
        unit->loop_.fail();
    }
    return 0;
}

void SystemdUnit::listen()
{
    match_ = manager_.match(object_.c_str(), "org.freedesktop.DBus.Properties", "PropertiesChanged",
                            &on_properties, this);
}

void SystemdUnit::start(Done done)
{
    call("StartUnit", std::move(done));
}

void SystemdUnit::stop(Done done)
{
    call("StopUnit", std::move(done));
}

void SystemdUnit::reload_manager(Done done)
{
    manager_.call("Reload", services::Manager::Ends::with_answer, {}, std::move(done));
}

void SystemdUnit::call(const char* method, Done done)
{
    const auto fill = [this](sd_bus_message* call) {
        checked(sd_bus_message_append(call, "ss", unit_.c_str(), "replace"), "name a unit");
    };
    manager_.call(method, services::Manager::Ends::with_job, fill, std::move(done));
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

void SystemdUnit::lost()
{
    match_.reset();
    active_.clear();
    sub_.clear();
}

} // namespace roleswap::store
