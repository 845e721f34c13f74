#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace roleswap::bus {

/// Of the JSON of one call or one answer.  sd-bus itself drops the connection above 128 MiB,
/// without a word to either side.
inline constexpr std::size_t message_bytes_max = 64 * 1024 * 1024;

/// Who may call a verb.
enum class Access : std::uint8_t {
    look,  ///< every local user
    act,   ///< uid 0, the daemon's own uid, members of the group of the bus; also what shows
           ///< commands, environments and output of tasks, which cron keeps from others too
    token, ///< whoever shows the token of a run that is running: "token" of the arguments
};

/// Where a verb is carried out, unless its arguments hold "node".
enum class Place : std::uint8_t {
    local,  ///< on the node that was asked
    master, ///< on the master; the standby relays it over the links
};

/// One verb of the control interface: D-Bus method `method_name(verb)` of interface
/// org.roleswap1.Manager, one JSON object in (signature s), one JSON object out (s).  The daemon
/// dispatches by this table, the bus makes its vtable of it, the manual prints it.
struct Verb {
    std::string_view name; ///< snake_case, as relayed between the nodes
    Access access = Access::look;
    Place place = Place::local;
    std::string_view what;   ///< one sentence
    std::string_view args;   ///< fields of the object in; "?" marks an optional one
    std::string_view result; ///< fields of the object out
};

/// All verbs, in the order of the manual.  Every one also takes "node": NAME, which chooses the
/// node that carries it out.
std::span<const Verb> verbs();

/// Null when there is no such verb.
const Verb* find_verb(std::string_view name);

/// D-Bus member name: "queue_hold" -> "QueueHold".
std::string method_name(const Verb& verb);

} // namespace roleswap::bus
