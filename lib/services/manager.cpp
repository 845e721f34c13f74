#include "services/manager.hpp"
#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <system_error>

namespace roleswap::services {
namespace {

constexpr const char* systemd_name = "org.freedesktop.systemd1";
constexpr const char* manager_object = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";
constexpr const char* local_interface = "org.freedesktop.DBus.Local";

bool is_plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

} // namespace

int checked(int result, std::string_view what)
{
    if (result < 0) throw std::system_error(-result, std::generic_category(), std::string(what));
    return result;
}

std::string unit_object(const std::string& unit)
{
    char* path = nullptr;
    checked(sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path),
            "name the object of " + unit);
    const std::unique_ptr<char, decltype(&std::free)> held(path, &std::free);
    return path;
}

std::string escaped(std::string_view text)
{
    std::string result;
    for (const char c : text) {
        if (is_plain(c) || (c == '.' && !result.empty()))
            result += c;
        else
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return result;
}

Manager::Manager(event::Loop& loop, Events events) : loop_(loop), events_(std::move(events))
{
}

template <auto member>
int Manager::trampoline(sd_bus_message* message, void* self, sd_bus_error*) noexcept
{
    auto* manager = static_cast<Manager*>(self);
    try {
        (manager->*member)(message);
    } catch (...) {
        manager->loop_.fail();
    }
    return 0;
}

template <class Asked, auto member>
int Manager::on_reply(sd_bus_message* reply, void* data, sd_bus_error*) noexcept
{
    auto& asked = *static_cast<Asked*>(data);
    auto& manager = *asked.owner;
    try {
        (manager.*member)(asked, reply);
    } catch (...) {
        manager.loop_.fail();
    }
    return 0;
}

SlotHandle Manager::match(const char* object, const char* interface, const char* signal,
                          sd_bus_message_handler_t handler, void* data)
{
    sd_bus_slot* slot = nullptr;
    const bool local = std::string_view(interface) == local_interface;
    checked(sd_bus_match_signal_async(bus_.get(), &slot, local ? nullptr : systemd_name, object,
                                      interface, signal, handler, nullptr, data),
            "listen to systemd");
    return SlotHandle(slot);
}

void Manager::open()
{
    if (bus_ && !broken_) return;
    matches_.clear();
    bus_.reset();
    broken_ = false;
    sd_bus* bus = nullptr;
    checked(sd_bus_open_system(&bus), "open the system bus");
    bus_.reset(bus);
    checked(sd_bus_attach_event(bus, loop_.get(), SD_EVENT_PRIORITY_NORMAL), "watch the bus");
    matches_.push_back(match("/org/freedesktop/DBus/Local", local_interface, "Disconnected",
                             &trampoline<&Manager::disconnected>, this));
    matches_.push_back(match(manager_object, manager_interface, "JobRemoved",
                             &trampoline<&Manager::job_removed>, this));
    if (events_.on_open) events_.on_open();
    // Without it systemd tells nobody (org.freedesktop.systemd1(5), "Subscribe()").
    checked(sd_bus_call_method_async(bus, nullptr, systemd_name, manager_object, manager_interface,
                                     "Subscribe", nullptr, nullptr, nullptr),
            "subscribe to systemd");
}

void Manager::call(const char* method, Ends ends, const Fill& fill, Done done)
{
    open();
    sd_bus_message* made = nullptr;
    checked(sd_bus_message_new_method_call(bus_.get(), &made, systemd_name, manager_object,
                                           manager_interface, method),
            "make a call");
    const MessageHandle message(made);
    if (fill) fill(made);
    auto& call = calls_.emplace_back(Call{this, std::move(done), ends});
    sd_bus_slot* slot = nullptr;
    const int sent =
        sd_bus_call_async(bus_.get(), &slot, made, &on_reply<Call, &Manager::answered>, &call, 0);
    call.slot.reset(slot);
    if (sent >= 0) return;
    calls_.pop_back();
    checked(sent, fmt::format("ask systemd for {}", method));
}

void Manager::answered(Call& call, sd_bus_message* reply)
{
    const auto place = std::ranges::find_if(calls_, [&](const Call& c) { return &c == &call; });
    if (const auto* error = sd_bus_message_get_error(reply))
        return finish(place, error->message == nullptr ? error->name : error->message);
    if (call.ends == Ends::with_answer) return finish(place, "");
    const char* job = nullptr;
    checked(sd_bus_message_read(reply, "o", &job), "read the answer of systemd");
    call.job = job;
}

void Manager::finish(Calls::iterator call, const std::string& trouble)
{
    const auto done = std::move(call->done);
    calls_.erase(call);
    if (done) done(trouble);
}

void Manager::job_removed(sd_bus_message* message)
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

void Manager::ask_main_status(const std::string& unit, std::function<void(int)> done)
{
    open();
    auto& question = questions_.emplace_back(Question{this, std::move(done)});
    sd_bus_slot* slot = nullptr;
    const int sent = sd_bus_call_method_async(
        bus_.get(), &slot, systemd_name, unit_object(unit).c_str(),
        "org.freedesktop.DBus.Properties", "Get", &on_reply<Question, &Manager::told>, &question,
        "ss", "org.freedesktop.systemd1.Service", "ExecMainStatus");
    question.slot.reset(slot);
    if (sent >= 0) return;
    questions_.pop_back();
    checked(sent, "ask systemd for the end of " + unit);
}

void Manager::told(Question& question, sd_bus_message* reply)
{
    std::int32_t status = -1;
    if (sd_bus_message_get_error(reply) == nullptr)
        checked(sd_bus_message_read(reply, "v", "i", &status), "read the answer of systemd");
    const auto done = std::move(question.done);
    std::erase_if(questions_, [&](const Question& q) { return &q == &question; });
    done(status);
}

void Manager::disconnected(sd_bus_message*)
{
    broken_ = true;
    if (events_.on_lost) events_.on_lost();
    while (!calls_.empty()) finish(calls_.begin(), "the connection to systemd was lost");
    while (!questions_.empty()) {
        const auto done = std::move(questions_.front().done);
        questions_.pop_front();
        done(-1);
    }
}

} // namespace roleswap::services
