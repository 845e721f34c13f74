#pragma once
#include "bus/error.hpp"
#include <chrono>
#include <deque>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <systemd/sd-bus.h>

namespace roleswap::bus {

struct CloseBus {
    void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
};

/// A blocking client of the control socket, for command-line programs.
class Client {
public:
    /// Throws Error{unreachable} when no daemon listens at `path`, Error{denied} when the socket
    /// may not be opened.
    explicit Client(const std::string& path);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    /// Calls one verb and waits.  Throws Error: what the daemon answered; unreachable when it ended
    /// meanwhile; failed when `timeout` passed.
    nlohmann::json call(std::string_view verb, const nlohmann::json& args,
                        std::chrono::milliseconds timeout = std::chrono::seconds(30));

    struct Signal {
        enum class Kind : std::uint8_t { changed, event };
        Kind kind = Kind::changed;
        std::string event; ///< JSON text, for Kind::event
    };
    /// The oldest signal that came since the connection was made; empty after `timeout` or when a
    /// Unix signal interrupted the wait.  Throws Error{unreachable} when the daemon has gone.
    std::optional<Signal> next_signal(std::chrono::milliseconds timeout);
    /// Readable when the daemon sent something.
    int fd() const;

private:
    static int on_signal(sd_bus_message*, void*, sd_bus_error*) noexcept;
    static std::string escape_address(const std::string& path);
    std::string path_;
    std::deque<Signal> signals_;
    std::unique_ptr<sd_bus, CloseBus> bus_;
};

} // namespace roleswap::bus
