#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace roleswap::sim {

/// Who else there is besides two nodes and three network links.
struct Shape {
    bool witness = false, fence = false, guard = false;
    bool serial = false; ///< one more link for messages, not for the store
    bool operator==(const Shape&) const = default;
};
constexpr unsigned shape_count = 16;
constexpr Shape shape_number(std::uint64_t number)
{
    return {(number & 1) != 0, (number & 2) != 0, (number & 4) != 0, (number & 8) != 0};
}
/// "pair", or what there is, as in "witness+guard".
std::string to_string(const Shape& shape);
/// Throws std::invalid_argument that lists the names.
Shape parse_shape(const std::string& name);

/// Three networks, and the null-modem cable.
constexpr std::size_t link_count = 4;
constexpr std::size_t serial_link = 3;

/// What happens in every world that has the part, at least once, besides what comes by chance.
enum class Fault : std::uint8_t {
    loss,           ///< messages lost on every link that was not cut
    delay,          ///< late by more than 10 ms
    reordering,     ///< arrived after a newer one
    crash,          ///< daemons or hosts ended and started again
    freeze,         ///< of a daemon
    disk_stall,     ///< writes held up
    serial_cut,     ///< messages that found the cable cut
    guard_death,    ///< of the guard alone
    witness_slow,   ///< questions that took more than 10 ms longer
    witness_dead,   ///< questions that found it down; it starts again with its memory
    witness_cut,    ///< questions from a node that does not reach it
    witness_wiped,  ///< questions that found it without memory
    fence_refusal,  ///< nothing is switched off, and the agent says so
    fence_time_out, ///< no answer in time; the peer may be off all the same
};
constexpr std::array fault_names = {
    "loss",        "delay",         "reordering",    "crash",         "freeze",
    "disk stall",  "serial cut",    "guard death",   "witness slow",  "witness dead",
    "witness cut", "witness wiped", "fence refusal", "fence time-out"};
constexpr std::size_t fault_count = fault_names.size();
bool is_part_of(Fault fault, const Shape& shape);

} // namespace roleswap::sim
