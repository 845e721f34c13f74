#include "link/serial_port.hpp"
#include "serial/line.hpp"
#include "wire/serial_frame.hpp"
#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>

namespace roleswap::link {
namespace {

/// More than that does not leave: the adapter is stuck, or nobody takes what a pseudo-terminal has.
constexpr std::size_t unsent_max = 4 * wire::serial_datagram_bytes_max;

class SerialPort final : public Port {
public:
    explicit SerialPort(const LinkOptions& link)
        : line_(link.local, {link.baud, 8, serial::Parity::none, 1}), device_(link.local)
    {
    }

    int fd() const override { return line_.fd(); }
    std::string device() const override { return device_; }
    bool gone() const override { return line_.gone(); }
    int send(wire::View datagram) override;
    std::optional<std::size_t> receive(std::span<std::uint8_t> buffer) override;

private:
    void read();
    serial::Line line_;
    std::string device_;
    wire::SerialFrameDecoder decoder_;
    std::deque<wire::Bytes> arrived_; ///< of one read, so few
};

int SerialPort::send(wire::View datagram)
{
    if (datagram.size() > wire::serial_datagram_bytes_max) return EMSGSIZE;
    if (line_.unsent() > unsent_max) return EAGAIN;
    return line_.write(wire::encode_serial_frame(datagram));
}

void SerialPort::read()
{
    std::array<std::uint8_t, 1024> bytes{};
    while (arrived_.empty()) {
        const auto got = line_.read(bytes);
        if (got == 0) return;
        decoder_.feed(wire::View(bytes).first(got), [this](wire::View datagram) {
            arrived_.emplace_back(datagram.begin(), datagram.end());
        });
    }
}

std::optional<std::size_t> SerialPort::receive(std::span<std::uint8_t> buffer)
{
    if (arrived_.empty()) read();
    if (arrived_.empty()) return {};
    const auto datagram = std::move(arrived_.front());
    arrived_.pop_front();
    std::ranges::copy(wire::View(datagram).first(std::min(datagram.size(), buffer.size())),
                      buffer.begin());
    return datagram.size();
}

} // namespace

std::unique_ptr<Port> open_serial_port(const LinkOptions& link)
{
    return std::make_unique<SerialPort>(link);
}

} // namespace roleswap::link
