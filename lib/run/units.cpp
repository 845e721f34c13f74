#include "run/units.hpp"
#include "run/cgroup.hpp"
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <systemd/sd-daemon.h>
#include <systemd/sd-login.h>
#include <unistd.h>

namespace roleswap::run {
namespace {

using services::checked;

/// The cgroup below which the service manager makes its own: that of process 1 without the scope
/// that it lives in.
std::string manager_root()
{
    constexpr std::string_view scope = "/init.scope";
    auto path = cgroup_of("1");
    if (path.ends_with(scope)) path.resize(path.size() - scope.size());
    if (path.starts_with("/.."))
        throw std::runtime_error("the cgroup of process 1 is not below the one that is seen here");
    return path == "/" ? "" : path;
}

std::string own_unit()
{
    char* unit = nullptr;
    if (sd_pid_get_unit(0, &unit) < 0) return {};
    const std::unique_ptr<char, decltype(&std::free)> held(unit, &std::free);
    const std::string name = unit;
    return name.ends_with(".service") ? name : std::string();
}

/// Which controller enforces which limit.
struct TreeLimit {
    const char* property;
    const char* field;
    const char* controller;
};
constexpr std::array<TreeLimit, 5> tree_limits{{{"MemoryMax", "memory_max", "memory"},
                                                {"CPUQuotaPerSecUSec", "cpu_quota", "cpu"},
                                                {"CPUWeight", "cpu_weight", "cpu"},
                                                {"IOWeight", "io_weight", "io"},
                                                {"TasksMax", "tasks_max", "pids"}}};

/// Where systemd uses cgroup v1 for it, that counts, too.
bool has_controller(const std::string& name)
{
    const auto folder = cgroup_mount();
    std::ifstream file(folder + "/cgroup.controllers");
    for (std::string found; file >> found;)
        if (found == name) return true;
    const auto old = folder.substr(0, folder.rfind('/')) + "/" + (name == "io" ? "blkio" : name);
    return folder.ends_with("/unified") && ::access(old.c_str(), F_OK) == 0;
}

/// Appends one (sv) of the properties.
struct AppendValue {
    sd_bus_message* to;
    const char* name;
    int operator()(bool value) const { return sd_bus_message_append(to, "(sv)", name, "b", value); }
    int operator()(std::int32_t value) const
    {
        return sd_bus_message_append(to, "(sv)", name, "i", value);
    }
    int operator()(std::uint64_t value) const
    {
        return sd_bus_message_append(to, "(sv)", name, "t", value);
    }
    int operator()(const std::string& value) const
    {
        return sd_bus_message_append(to, "(sv)", name, "s", value.c_str());
    }
    int operator()(const std::vector<std::string>& list) const
    {
        open("as");
        append(list);
        return close();
    }
    int operator()(const UnitProperty::Filter& filter) const
    {
        open("(bas)");
        checked(sd_bus_message_open_container(to, 'r', "bas"), name);
        checked(sd_bus_message_append(to, "b", filter.allows), name);
        append(filter.list);
        checked(sd_bus_message_close_container(to), name);
        return close();
    }
    void open(const char* type) const
    {
        checked(sd_bus_message_open_container(to, 'r', "sv"), name);
        checked(sd_bus_message_append(to, "s", name), name);
        checked(sd_bus_message_open_container(to, 'v', type), name);
    }
    void append(const std::vector<std::string>& list) const
    {
        checked(sd_bus_message_open_container(to, 'a', "s"), name);
        for (const auto& text : list) checked(sd_bus_message_append(to, "s", text.c_str()), name);
        checked(sd_bus_message_close_container(to), name);
    }
    int close() const
    {
        checked(sd_bus_message_close_container(to), name);
        return sd_bus_message_close_container(to);
    }
};

template <class Value> void append(sd_bus_message* to, const char* name, const Value& value)
{
    checked(AppendValue{to, name}(value), fmt::format("append the property {}", name));
}

/// What every unit of a task has.  It ends with the daemon, after it, and not by itself when the
/// machine goes down: the daemon may have to hand over first.  Whoever stops it means it.
void append_frame(sd_bus_message* to, const Units::Order& order, const UnitPlace& place)
{
    const auto& spec = order.spec;
    append(to, "Description", fmt::format("Roleswap task {}, run {}", spec.tag, spec.id));
    append(to, "Slice", place.slice);
    append(to, "Type", std::string("exec"));
    append(to, "DefaultDependencies", false);
    if (!place.bound.empty()) {
        append(to, "BindsTo", std::vector{place.bound});
        append(to, "Before", std::vector{place.bound});
    }
    append(to, "AddRef", true);
    append(to, "CollectMode", std::string("inactive-or-failed"));
    append(to, "KillSignal", std::int32_t{SIGKILL});
    append(to, "OOMPolicy", std::string("continue"));
    checked(sd_bus_message_append(to, "(sv)", "StandardInputFileDescriptor", "h", order.control),
            "append the descriptor of the keeper");
    append(to, "StandardOutput", std::string("null"));
    append(to, "StandardError", std::string("null"));
    for (const auto* name : {"CPUAccounting", "MemoryAccounting", "IOAccounting"})
        append(to, name, true);
}

void append_account(sd_bus_message* to, const RunSpec& spec)
{
    if (!spec.user.empty()) append(to, "User", spec.user);
    if (!spec.group.empty()) append(to, "Group", spec.group);
    if (!spec.groups.empty()) append(to, "SupplementaryGroups", spec.groups);
}

void append_start(sd_bus_message* to, const std::string& program)
{
    checked(sd_bus_message_append(to, "(sv)", "ExecStart", "a(sasb)", 1, program.c_str(), 1,
                                  "roleswap-keeper", 0),
            "append the program of a unit");
}

/// systemd.exec(5), "Process exit codes": where its own steps before the program failed.
std::string start_trouble(int status)
{
    switch (status) {
    case 200:
        return "the working directory cannot be entered";
    case 203:
        return "roleswap-keeper cannot be executed in its sandbox";
    case 205:
        return "its limits cannot be set";
    case 216:
        return "its groups cannot be set";
    case 217:
        return "its user cannot be set";
    case 218:
        return "its capabilities cannot be set";
    case 219:
        return "its cgroup cannot be entered";
    case 225:
        return "its network namespace cannot be made (PrivateNetwork)";
    case 226:
        return "its view of the file system cannot be made (Protect..., Private..., ...Paths)";
    case 228:
        return "its system call filter cannot be set (SystemCallFilter, Restrict...)";
    default:
        return fmt::format("systemd could not start it (status {}; systemd.exec(5), \"Process exit "
                           "codes\")",
                           status);
    }
}

} // namespace

UnitPlace find_unit_place(const std::string& name)
{
    UnitPlace place;
    try {
        if (sd_booted() <= 0)
            place = {.why = "systemd is not the service manager of this machine",
                     .fix = "run the node on a machine with systemd, or take unit, sandbox and "
                            "limits of the cgroup from the task (rlimit works everywhere)"};
        else if (::geteuid() != 0)
            place = {.why = fmt::format("the daemon runs as uid {}, and only root may make units",
                                        ::geteuid()),
                     .fix = "run the daemon as root, or take unit, sandbox and limits of the "
                            "cgroup from the task (rlimit works without)"};
        else {
            place.slice = fmt::format("roleswap-{}.slice", services::escaped(name));
            place.folder = cgroup_mount() + manager_root() + "/roleswap.slice/" + place.slice;
            place.bound = own_unit();
        }
    } catch (const std::runtime_error& error) {
        place = {.why = error.what(), .fix = "mount cgroup v2 at /sys/fs/cgroup"};
    }
    return place;
}

std::vector<MissingLimit> missing_limits(const std::vector<UnitProperty>& properties)
{
    std::vector<MissingLimit> missing;
    for (const auto& limit : tree_limits) {
        const auto found = std::ranges::find(properties, limit.property, &UnitProperty::name);
        if (found != properties.end() && !has_controller(limit.controller))
            missing.push_back({limit.field, limit.controller});
    }
    return missing;
}

Units::Units(event::Loop& loop, UnitPlace place, std::string keeper)
    : place_(std::move(place)), keeper_(std::move(keeper)), manager_(loop, {})
{
    if (!place_.why.empty() || ::access(keeper_.c_str(), X_OK) == 0) return;
    place_.folder.clear();
    place_.why = keeper_.empty() ? "who runs it here makes none"
                                 : fmt::format("the program {} is missing", keeper_);
    place_.fix = keeper_.empty() ? "let it run on a node of the pair" : "install roleswap anew";
}

std::string Units::name_of(RunId run, std::uint64_t number) const
{
    return fmt::format("{}-run-{}-{}-{}.service", place_.slice.substr(0, place_.slice.rfind('.')),
                       run, ::getpid(), number);
}

void Units::start(const Order& order, Asker& asker)
{
    const auto fill = [this, &order](sd_bus_message* call) {
        checked(sd_bus_message_append(call, "ss", order.unit.c_str(), "fail"), "name a unit");
        checked(sd_bus_message_open_container(call, 'a', "(sv)"), "append properties");
        append_frame(call, order, place_);
        append_account(call, order.spec);
        for (const auto& property : *order.spec.unit)
            checked(std::visit(AppendValue{call, property.name.c_str()}, property.value),
                    fmt::format("append the property {}", property.name));
        append_start(call, keeper_);
        checked(sd_bus_message_close_container(call), "append properties");
        checked(sd_bus_message_append(call, "a(sa(sv))", 0), "append no further units");
    };
    manager_.call(
        "StartTransientUnit", services::Manager::Ends::with_job, fill,
        [this, unit = order.unit](const std::string& trouble) { answered(unit, trouble); });
    askers_.emplace(order.unit, &asker);
}

/// "failed" is all that a job says; the unit, which is kept for us, says more.
void Units::answered(const std::string& unit, const std::string& trouble)
{
    if (!askers_.contains(unit)) return;
    if (trouble != "failed") return tell(unit, trouble);
    manager_.ask_main_status(unit, [this, unit](int status) { tell(unit, start_trouble(status)); });
}

void Units::tell(const std::string& unit, const std::string& trouble)
{
    const auto found = askers_.find(unit);
    if (found != askers_.end()) found->second->unit_started(trouble);
}

void Units::leave(const std::string& unit) noexcept
{
    if (askers_.erase(unit) == 0) return;
    const auto fill = [&unit](sd_bus_message* call) {
        checked(sd_bus_message_append(call, "s", unit.c_str()), "name a unit");
    };
    try {
        manager_.call("UnrefUnit", services::Manager::Ends::with_answer, fill, {});
    } catch (const std::system_error&) {
        return; // without the bus systemd has dropped the reference by itself
    }
}

} // namespace roleswap::run
