#pragma once
#include "event/fd.hpp"
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct sp_port;

namespace roleswap::serial {

enum class Parity : std::uint8_t { none, odd, even };
std::string_view to_string(Parity parity);

struct Settings {
    std::uint32_t baud = 115200;
    unsigned data_bits = 8; ///< 7 or 8
    Parity parity = Parity::none;
    unsigned stop_bits = 1; ///< 1 or 2
    bool operator==(const Settings&) const = default;
};

struct ClosePort {
    void operator()(sp_port* port) const noexcept;
};

/// One open serial port, raw, without flow control.  libserialport sets it up; it refuses
/// pseudo-terminals, which are set up with plain termios.  Nothing here blocks.
class Line {
public:
    /// What waits in the port from before is dropped.  Throws std::system_error with the path
    /// where the device is not there or is no serial port, or refuses the settings.
    Line(const std::string& path, const Settings& settings);

    /// Readable when bytes are there, or the device is gone.
    int fd() const { return fd_; }
    /// How many bytes came, 0 when there is none.
    std::size_t read(std::span<std::uint8_t> buffer);
    /// The last read found the device unplugged or its other end closed: open it anew.
    bool gone() const { return gone_; }
    /// All or nothing.  Returns 0 or the errno; EAGAIN while the port does not take more (the
    /// adapter is stuck).
    int write(std::span<const std::uint8_t> bytes);
    /// Bytes that were written and have not left yet.
    std::size_t unsent() const;
    void discard_input();

private:
    void open_port(const std::string& path, const Settings& settings);
    void open_terminal(const std::string& path);
    bool hung_up() const;
    std::unique_ptr<sp_port, ClosePort> port_;
    event::UniqueFd terminal_;
    int fd_ = -1;
    bool gone_ = false;
};

} // namespace roleswap::serial
