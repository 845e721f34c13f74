#pragma once
#include "fence/options.hpp"
#include <functional>
#include <memory>
#include <string>

namespace roleswap::fence {

struct Outcome {
    bool ok = false;
    std::string why; ///< what the device said, or what went wrong
};

struct Look {
    enum class Power : std::uint8_t {
        on,
        off,
        unknown, ///< the device is there and cannot tell
        failed,  ///< the device does not answer
    };
    Power power = Power::failed;
    std::string why;
};
std::string_view to_string(Look::Power power);

/// What switches the peer off.  One command at a time; the answer comes later, once, within the
/// time limit of a command, and not at all after `stop`.
class Device {
public:
    using OnOutcome = std::function<void(const Outcome&)>;
    using OnLook = std::function<void(const Look&)>;
    Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    virtual ~Device() = default;

    /// "fence_ipmilan", "serial switch on /dev/ttyS1".
    virtual std::string name() const = 0;
    virtual void off(OnOutcome on_outcome) = 0;
    virtual void look(OnLook on_look) = 0;
    /// Whether `look` tells the power; then only its `off` confirms.
    virtual bool tells_power() const = 0;
    /// Empty where a successful `off` alone confirms; else why it does not.
    virtual std::string why_unconfirmed() const = 0;
    virtual void stop() = 0;
};

std::unique_ptr<Device> make_device(event::Loop& loop, const Options& options);
std::unique_ptr<Device> make_agent(event::Loop& loop, const Options& options);
std::unique_ptr<Device> make_switch(event::Loop& loop, const Options& options);

} // namespace roleswap::fence
