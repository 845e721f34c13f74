#include "bus/client.hpp"
#include "base/command_name.hpp"
#include "bus/connection.hpp"
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

namespace roleswap::bus {
namespace {

constexpr std::string_view error_prefix = "org.roleswap1.Error.";

Error no_daemon(const std::string& path, int problem)
{
    if (problem == EACCES || problem == EPERM)
        return {ErrorCode::denied, "The control socket " + path + " may not be opened: " +
                                       std::generic_category().message(problem) + "."};
    return {ErrorCode::unreachable, "roleswapd does not answer at " + path + " (" +
                                        std::generic_category().message(problem) +
                                        "); start it: systemctl start roleswapd."};
}

Error gone(std::string_view verb)
{
    return {ErrorCode::unreachable, "roleswapd ended before it answered \"" +
                                        base::command_name(verb) +
                                        "\"; whether it was done is not known: look at roleswap "
                                        "status and events."};
}

bool disconnected(int problem)
{
    return problem == ECONNRESET || problem == ENOTCONN || problem == EPIPE || problem == ESHUTDOWN;
}

/// What the daemon answered, or why it did not.
Error failure_of(std::string_view verb, const sd_bus_error& error, int problem)
{
    const std::string_view name = error.name ? error.name : "";
    if (name.starts_with(error_prefix)) {
        const auto code = parse_error_code(name.substr(error_prefix.size()));
        return {code.value_or(ErrorCode::failed), error.message ? error.message : ""};
    }
    if (disconnected(problem) || name == SD_BUS_ERROR_DISCONNECTED) return gone(verb);
    if (name == SD_BUS_ERROR_UNKNOWN_METHOD)
        return {ErrorCode::bad_argument, "The running roleswapd does not know \"" +
                                             base::command_name(verb) +
                                             "\"; it is of another version."};
    if (problem == ETIMEDOUT)
        return {ErrorCode::failed, "roleswapd did not answer \"" + base::command_name(verb) +
                                       "\" in time; it may still do it: look at roleswap status."};
    return {ErrorCode::failed, base::command_name(verb) + ": " +
                                   (error.message ? std::string(error.message)
                                                  : std::generic_category().message(problem))};
}

struct ErrorHolder {
    sd_bus_error error{};
    ErrorHolder() = default;
    ErrorHolder(const ErrorHolder&) = delete;
    ErrorHolder& operator=(const ErrorHolder&) = delete;
    ~ErrorHolder() { sd_bus_error_free(&error); }
};

std::uint64_t microseconds(std::chrono::milliseconds time)
{
    return static_cast<std::uint64_t>(std::chrono::microseconds(time).count());
}

} // namespace

Client::Client(const std::string& path) : path_(path)
{
    sd_bus* bus = nullptr;
    check_bus(sd_bus_new(&bus), "sd_bus_new");
    bus_.reset(bus);
    check_bus(sd_bus_set_address(bus, ("unix:path=" + escape_address(path)).c_str()),
              "set the address");
    check_bus(sd_bus_set_bus_client(bus, 0), "sd_bus_set_bus_client");
    const int started = sd_bus_start(bus);
    if (started < 0) throw no_daemon(path, -started);
    for (const char* member : {"Changed", "Event"})
        check_bus(sd_bus_match_signal(bus, nullptr, nullptr, object_path, interface_name, member,
                                      on_signal, this),
                  "listen for signals");
}

Client::~Client() = default;

std::string Client::escape_address(const std::string& path)
{
    static constexpr std::string_view plain = "-_/.\\*";
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string escaped;
    for (const char letter : path) {
        const auto byte = static_cast<unsigned char>(letter);
        if (std::isalnum(byte) || plain.find(letter) != plain.npos)
            escaped += letter;
        else
            escaped += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return escaped;
}

nlohmann::json Client::call(std::string_view verb, const nlohmann::json& args,
                            std::chrono::milliseconds timeout)
{
    const Verb* known = find_verb(verb);
    if (!known) throw Error(ErrorCode::bad_argument, "There is no verb " + std::string(verb) + ".");
    const std::string argument = to_text(args);
    if (argument.size() > message_bytes_max)
        throw Error(ErrorCode::bad_argument,
                    "The argument of " + std::string(verb) + " has " +
                        std::to_string(argument.size()) + " bytes; at most " +
                        std::to_string(message_bytes_max) + " can be sent.");
    sd_bus_message* made = nullptr;
    check_bus(sd_bus_message_new_method_call(bus_.get(), &made, nullptr, object_path,
                                             interface_name, method_name(*known).c_str()),
              "make a call");
    const MessageHandle request(made);
    check_bus(sd_bus_message_append(made, "s", argument.c_str()), "append the arguments");
    ErrorHolder error;
    sd_bus_message* answer = nullptr;
    const int called =
        sd_bus_call(bus_.get(), request.get(), microseconds(timeout), &error.error, &answer);
    if (called < 0) throw failure_of(verb, error.error, -called);
    const MessageHandle reply(answer);
    const char* text = nullptr;
    check_bus(sd_bus_message_read(answer, "s", &text), "read the answer");
    return nlohmann::json::parse(text);
}

int Client::on_signal(sd_bus_message* message, void* self, sd_bus_error*) noexcept
{
    auto& client = *static_cast<Client*>(self);
    const char* text = "";
    const bool event = sd_bus_message_is_signal(message, interface_name, "Event") > 0;
    if (event && sd_bus_message_read(message, "s", &text) < 0) return 0;
    try {
        client.signals_.push_back({event ? Signal::Kind::event : Signal::Kind::changed, text});
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    }
    return 0;
}

std::optional<Client::Signal> Client::next_signal(std::chrono::milliseconds timeout)
{
    const auto until = std::chrono::steady_clock::now() + timeout;
    while (true) {
        int processed = 0;
        while (signals_.empty() && (processed = sd_bus_process(bus_.get(), nullptr)) > 0) {
        }
        if (!signals_.empty()) {
            Signal first = std::move(signals_.front());
            signals_.pop_front();
            return first;
        }
        if (processed < 0 || sd_bus_is_open(bus_.get()) <= 0)
            throw Error(ErrorCode::unreachable, "roleswapd at " + path_ + " has ended.");
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return std::nullopt;
        const int waited = sd_bus_wait(bus_.get(), microseconds(left));
        if (waited < 0 && waited != -EINTR)
            throw Error(ErrorCode::unreachable, "roleswapd at " + path_ + " has ended.");
        if (waited == -EINTR) return std::nullopt;
    }
}

int Client::fd() const
{
    return sd_bus_get_fd(bus_.get());
}

} // namespace roleswap::bus
