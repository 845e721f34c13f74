#pragma once
#include "run/spec.hpp"
#include <iterator>
#include <string>
#include <string_view>

namespace roleswap::agent {

/// Every kind of message has a stable word, a journal MESSAGE_ID and a level; roleswap-agent(8)
/// explains each of them.
struct MessageKind {
    std::string_view what;
    std::string_view id;    ///< 128 bits, hexadecimal (sd-id128(3))
    std::string_view level; ///< info, notice, warning, error
};

inline constexpr MessageKind message_kinds[] = {
    {"started", "c3f04e5d1b0a4c6f8e21d7a95b3c1001", "info"},
    {"connected", "c3f04e5d1b0a4c6f8e21d7a95b3c1002", "notice"},
    {"disconnected", "c3f04e5d1b0a4c6f8e21d7a95b3c1003", "warning"},
    {"old_master", "c3f04e5d1b0a4c6f8e21d7a95b3c1004", "warning"},
    {"run_failed", "c3f04e5d1b0a4c6f8e21d7a95b3c1005", "warning"},
    {"left_over", "c3f04e5d1b0a4c6f8e21d7a95b3c1006", "warning"},
    {"not_wanted", "c3f04e5d1b0a4c6f8e21d7a95b3c1007", "warning"},
    {"spool_trouble", "c3f04e5d1b0a4c6f8e21d7a95b3c1008", "error"},
    {"stopping", "c3f04e5d1b0a4c6f8e21d7a95b3c1009", "info"},
    {"run_output", "c3f04e5d1b0a4c6f8e21d7a95b3c100a", "info"},
    {"spawner_lost", "c3f04e5d1b0a4c6f8e21d7a95b3c100b", "warning"},
};

/// The only place of the agent that logs: to the journal, or to standard error where there is none.
class Journal {
public:
    explicit Journal(std::string name);
    void tell(std::string_view what, const std::string& why) const;
    void run_line(const run::OutputLine& line) const;

private:
    std::string name_;
    bool journal_;
};

} // namespace roleswap::agent
