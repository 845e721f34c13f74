#include "scripted_manager.hpp"
#include "event/fd.hpp"
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <stdexcept>
#include <unistd.h>

namespace roleswap::test {
namespace {

constexpr const char* name_of_systemd = "org.freedesktop.systemd1";
constexpr const char* manager_object = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";

void need(int result, const char* what)
{
    if (result < 0) throw std::system_error(-result, std::generic_category(), what);
}

/// Everybody may own and send everything: nobody else can reach it.
constexpr const char* bus_config = R"(<busconfig>
  <listen>unix:path={}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
)";

} // namespace

bool turn_until(event::Loop& loop, const std::function<bool()>& done)
{
    const auto limit = event::Loop::now() + std::chrono::seconds(20);
    while (!done()) {
        if (event::Loop::now() > limit) return false;
        need(sd_event_run(loop.get(), 10'000), "turn the loop");
    }
    return true;
}

OwnBus::OwnBus(event::Loop& loop) : loop_(loop)
{
    std::string name = "/tmp/roleswap-bus-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    folder_ = name;
    std::ofstream(folder_ / "bus.conf") << fmt::format(fmt::runtime(bus_config), name);
    address_ = "unix:path=" + name + "/bus";
    ::setenv("DBUS_SYSTEM_BUS_ADDRESS", address_.c_str(), 1);
    start();
}

OwnBus::~OwnBus()
{
    kill();
    ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void OwnBus::start()
{
    std::filesystem::remove(folder_ / "bus");
    const auto config = "--config-file=" + (folder_ / "bus.conf").string();
    const pid_t pid = event::check(::fork(), "fork");
    if (pid == 0) {
        ::execlp("dbus-daemon", "dbus-daemon", config.c_str(), "--nofork", "--nopidfile", nullptr);
        ::_exit(127);
    }
    ended_ = false;
    daemon_ = std::make_unique<event::Child>(loop_, pid, [this](int, int) { ended_ = true; });
    const auto up = [this] { return ended_ || std::filesystem::exists(folder_ / "bus"); };
    if (!turn_until(loop_, up) || ended_) throw std::runtime_error("dbus-daemon does not start");
}

void OwnBus::kill()
{
    if (ended_) return;
    ::kill(daemon_->pid(), SIGKILL);
    turn_until(loop_, [this] { return ended_; });
}

ScriptedManager::ScriptedManager(event::Loop& loop, const OwnBus& bus)
{
    sd_bus* opened = nullptr;
    need(sd_bus_new(&opened), "make a bus");
    bus_.reset(opened);
    need(sd_bus_set_address(opened, bus.address().c_str()), "set its address");
    need(sd_bus_set_bus_client(opened, 1), "be a client");
    need(sd_bus_start(opened), "start it");
    sd_bus_slot* slot = nullptr;
    need(sd_bus_add_object(opened, &slot, manager_object, &on_call, this), "add the manager");
    slot_.reset(slot);
    need(sd_bus_request_name(opened, name_of_systemd, 0), "take the name");
    need(sd_bus_attach_event(opened, loop.get(), SD_EVENT_PRIORITY_NORMAL), "watch it");
}

int ScriptedManager::on_call(sd_bus_message* message, void* self, sd_bus_error*) noexcept
{
    return static_cast<ScriptedManager*>(self)->take(message);
}

int ScriptedManager::take(sd_bus_message* message)
{
    const std::string member = sd_bus_message_get_member(message);
    if (member == "Subscribe") return sd_bus_reply_method_return(message, nullptr);
    Turn turn;
    if (!turns.empty()) {
        turn = turns.front();
        turns.pop_front();
    }
    const char *unit = "", *mode = "";
    if (member != "Reload") need(sd_bus_message_read(message, "ss", &unit, &mode), "read a call");
    calls.push_back(member == "Reload" ? member : fmt::format("{} {} {}", member, unit, mode));
    if (!turn.error.empty())
        return sd_bus_reply_method_errorf(message, "org.freedesktop.systemd1.NoSuchUnit", "%s",
                                          turn.error.c_str());
    if (member == "Reload") return sd_bus_reply_method_return(message, nullptr);
    return answer_job(message, turn);
}

int ScriptedManager::answer_job(sd_bus_message* message, const Turn& turn)
{
    if (!merges || job_ == 0) ++job_;
    const auto path = fmt::format("{}/job/{}", manager_object, job_);
    const int sent = sd_bus_reply_method_return(message, "o", path.c_str());
    if (turn.ends) end_job(turn.result);
    return sent;
}

void ScriptedManager::end_job(const std::string& result)
{
    const auto path = fmt::format("{}/job/{}", manager_object, job_);
    need(sd_bus_emit_signal(bus_.get(), manager_object, manager_interface, "JobRemoved", "uoss",
                            job_, path.c_str(), "a.service", result.c_str()),
         "tell the end of a job");
}

void ScriptedManager::tell_state(const std::string& unit, const char* active, const char* sub)
{
    char* encoded = nullptr;
    need(sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &encoded), "encode");
    const std::unique_ptr<char, decltype(&std::free)> path(encoded, &std::free);
    need(sd_bus_emit_signal(bus_.get(), path.get(), "org.freedesktop.DBus.Properties",
                            "PropertiesChanged", "sa{sv}as", "org.freedesktop.systemd1.Unit", 3,
                            "ActiveState", "s", active, "NRestarts", "u", 1U, "SubState", "s", sub,
                            0),
         "tell a state");
}

} // namespace roleswap::test
