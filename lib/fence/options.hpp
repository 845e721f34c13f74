#pragma once
#include "event/loop.hpp"
#include "serial/line.hpp"
#include <map>
#include <string>
#include <variant>

namespace roleswap::fence {

using event::Duration;

/// A program of fence-agents, or one that speaks its protocol (FenceAgentAPI of
/// ClusterLabs/fence-agents): options as lines `name=value` on standard input; exit codes 0 done,
/// and of status 0 on, 2 off, anything else no answer.
struct AgentOptions {
    std::string program; ///< path
    std::map<std::string, std::string> options;
    /// Option -> file whose first line is the value.  Read at the start and before each use; what
    /// was read last counts where the file is gone (the disk that fails must not spoil the fence).
    std::map<std::string, std::string> secret_files;
};

/// A power switch on a serial port.  All texts are raw bytes; empty means: not there.
struct SwitchOptions {
    std::string port;
    serial::Settings line;
    std::string off;        ///< switches the peer off
    std::string off_answer; ///< the switch sends this when it has done so
    std::string status;     ///< asks whether the peer has power
    std::string status_on;
    std::string status_off;
    bool trust = false; ///< count `off` as done once it is sent, although nothing answers
};

/// A human switches the peer off and says so: Fence::confirm.
struct MeatwareOptions {};

struct Options {
    std::string peer; ///< name of the node that is switched off
    std::variant<MeatwareOptions, AgentOptions, SwitchOptions> device;
    Duration command_timeout{20'000'000}; ///< of one command or one answer
    Duration timeout{60'000'000};         ///< of all attempts together, an equal share for each
    unsigned attempts = 2;
    Duration status_every{1'000'000}; ///< pause between two questions, and before a new attempt
    /// How long the word of a human counts that came between two runs for a ticket.
    Duration confirm_life{60'000'000};
    Duration monitor{60'000'000}; ///< how often the device is looked at; 0: never
};

} // namespace roleswap::fence
