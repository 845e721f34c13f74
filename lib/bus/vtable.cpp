#include "bus/connection.hpp"
#include <map>
#include <vector>

namespace roleswap::bus {
namespace {

/// sd-bus keeps pointers into the names, so both live as long as the program.
struct Methods {
    std::map<std::string, const Verb*, std::less<>> by_name;
    std::vector<sd_bus_vtable> entries;

    Methods()
    {
        for (const Verb& verb : verbs()) by_name.emplace(method_name(verb), &verb);
        entries.push_back(SD_BUS_VTABLE_START(0));
        for (const auto& [name, verb] : by_name)
            entries.push_back(SD_BUS_METHOD_WITH_ARGS(
                name.c_str(), SD_BUS_ARGS("s", arguments), SD_BUS_RESULT("s", result),
                Connection::on_method, SD_BUS_VTABLE_UNPRIVILEGED));
        for (const char* text : {"Role", "Node", "Version"})
            entries.push_back(SD_BUS_PROPERTY(text, "s", Connection::on_property, 0, 0));
        entries.push_back(SD_BUS_PROPERTY("Epoch", "t", Connection::on_property, 0, 0));
        entries.push_back(SD_BUS_SIGNAL_WITH_ARGS("Event", SD_BUS_ARGS("s", event), 0));
        entries.push_back(SD_BUS_SIGNAL("Changed", "", 0));
        entries.push_back(SD_BUS_VTABLE_END);
    }
};

const Methods& methods()
{
    static const Methods made;
    return made;
}

int reply_name(sd_bus_message* message, void*, sd_bus_error*) noexcept
{
    return sd_bus_reply_method_return(message, "s", ":1.1");
}

int reply_nothing(sd_bus_message* message, void*, sd_bus_error*) noexcept
{
    return sd_bus_reply_method_return(message, "");
}

} // namespace

const sd_bus_vtable* manager_vtable()
{
    return methods().entries.data();
}

const sd_bus_vtable* driver_vtable()
{
    static const sd_bus_vtable entries[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Hello", "", "s", reply_name, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("AddMatch", "s", "", reply_nothing, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RemoveMatch", "s", "", reply_nothing, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetNameOwner", "s", "s", reply_name, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
    };
    return entries;
}

const Verb* find_method(std::string_view member)
{
    const auto found = methods().by_name.find(member);
    return found == methods().by_name.end() ? nullptr : found->second;
}

} // namespace roleswap::bus
