#pragma once
#include "core/machine.hpp"
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Two nodes of the real core and everything around them, small enough to be walked through in
/// every order.  Time goes in steps of one heartbeat; within a step everything that is due happens
/// in every order; what is late, lost or broken costs one of a bounded number of faults.
namespace roleswap::explore {

constexpr core::Ticks step_ms = 100;
constexpr core::Ticks delay_ms = 1000;
/// Ages beyond this are told apart by no rule.
constexpr core::Ticks age_cap = 2500;
/// The same of the dr node, and of what is known of it: it has more patience.
constexpr core::Ticks dr_cap = 3200;

/// A vector without memory of its own.
template <class T, std::size_t Max> struct Few {
    std::array<T, Max> items{};
    std::uint8_t count = 0;
    void push(const T& item)
    {
        if (count == Max) erase(0);
        items[count++] = item;
    }
    void erase(std::size_t at)
    {
        for (std::size_t i = at; i + 1 < count; ++i) items[i] = items[i + 1];
        items[--count] = T{};
    }
    T* begin() { return items.data(); }
    T* end() { return items.data() + count; }
    const T* begin() const { return items.data(); }
    const T* end() const { return items.data() + count; }
    bool empty() const { return count == 0; }
};

/// Faults of which a run may have so many, by kind and in all.
enum class Fault : std::uint8_t { cut, crash, freeze, stall, store, third, guard, command };
constexpr std::size_t fault_kinds = 8;
using Budget = std::array<std::uint8_t, fault_kinds>;

enum class Stall : std::uint8_t { none, disk, store, kill, messages, probe, witness };

/// Where a search starts.
enum class Start : std::uint8_t {
    in_sync,  ///< a pair in sync, with its mirror where there is a dr node
    cold,     ///< both nodes off
    dr_apart, ///< the dr node is cut off and was activated by hand, and the pair knows nothing of
              ///< it
    dr_leads, ///< it was, and both nodes of the pair know
};

/// What is explored: a configuration of the pair and the bounds.
struct Mode {
    std::string name;
    bool probes = true, witness = false, fence = false, guard = true;
    bool serial = false; ///< one more path for messages, not for the store
    core::Settings::Sabotage sabotage = core::Settings::Sabotage::none;
    Budget budget{};
    std::uint8_t faults = 0; ///< in all
    std::vector<core::Command::Kind> commands{};
    bool dr = false; ///< there is a dr node
    Start start = Start::in_sync;
    /// What may be slow.
    std::vector<Stall> stalls{Stall::disk,     Stall::store, Stall::kill,
                              Stall::messages, Stall::probe, Stall::witness};
};

struct Write {
    core::Record record;
    std::uint64_t ticket = 0;
};

enum class Op : std::uint8_t { none, follow, lead, stop };

struct Store {
    enum class State : std::uint8_t { down, following, primary };
    State state = State::down;
    Op op = Op::none;       ///< ordered and not done
    bool streaming = false; ///< as standby
    bool may_lead = false;  ///< it led since the daemon was last told of it
    bool has_all = false;   ///< holds every commit that was ever acknowledged
    bool sync = false;      ///< commits wait for the peer
    bool lost = false;      ///< the connection broke and nobody was told yet
    bool set_alone = false, sync_owed = false, freezing = false, frozen = false, thawing = false;
    core::Node from = core::Node::first; ///< whom it was told to mirror; with a dr node only
};

/// What the world owes a node.
struct Due {
    Few<Write, 3> writes;
    Few<core::StoreEvent::Kind, 4> store;
    bool kill = false; ///< tasks are being killed
    enum class Probe : std::uint8_t { none, asked, reached, missed };
    Probe probe = Probe::none; ///< reached, missed: the answer is on its way
    std::optional<core::WitnessAsk> witness;
    std::optional<core::WitnessAnswer> told; ///< the witness decided, the answer is on its way
    std::uint64_t fence = 0;                 ///< ticket, 0 = none
    std::optional<core::GuardEvent::Kind> guard;
};

struct Side {
    core::State core;
    bool alive = false;
    bool exiting = false; ///< a clean stop was answered
    bool frozen = false;
    core::Ticks slept = 0; ///< while frozen
    bool guarded = false;  ///< the guard process runs
    core::Record disk;
    core::Record before; ///< on disk before the oldest write under way
    std::uint64_t boots = 0;
    Store store;
    bool tasks = false;
    Due due;
    bool lan = true;                     ///< reaches probes and witness
    std::optional<core::Verdict> zombie; ///< a put under way whose answer nobody waits for
};

/// Number of the dr node, where one of the pair is 0 or 1.
constexpr unsigned dr_node = 2;

/// The dr node and its links to both nodes of the pair, which are whole or cut together.  What is
/// sent over them is heard at once; where it cannot be, the newest message waits.
struct Third {
    Side side;
    std::array<std::optional<core::Message>, 2> from_pair, to_pair;
    bool cut = false;
};

struct World {
    std::array<Side, 2> side;
    std::optional<Third> dr;
    /// to[n]: on the way to node n, oldest first.
    std::array<Few<core::Message, 2>, 2> to;
    std::array<bool, 2> cut{}; ///< what node n sends over the LAN is lost
    bool serial_cut = false;
    /// One thing that is slow: its kind and the node that waits.
    Stall stall = Stall::none;
    std::uint8_t stalled = 0;
    core::Verdict verdict;
    bool wiped = false, witness_down = false;
    core::Verdict led;   ///< newest epoch that led a store, and who
    bool forced = false; ///< by an operator: two masters are his word now
    Budget budget{};
    std::uint8_t faults = 0;

    unsigned nodes() const { return dr ? 3 : 2; }
    Side& at(unsigned n) { return n < 2 ? side[n] : dr->side; }
    const Side& at(unsigned n) const { return n < 2 ? side[n] : dr->side; }
};

/// One thing that happens.
struct Action {
    enum class Kind : std::uint8_t {
        tick,
        hear, ///< node `n` takes message number `arg`; dr node: 0, 1 from, 2, 3 to the pair
        persisted,
        killed,
        store_op, ///< the ordered step of the store is done; arg 1: it fails
        store_mode,
        store_freeze, ///< arg 1: it fails
        store_event,
        probe,   ///< arg 0: the answer comes; 1: it is what it is from now on, and comes late
        witness, ///< arg 0: as it is; 1: the answer is lost; 2: the put comes late; 3: it decides
                 ///< now, and the answer comes late
        told,    ///< the late answer of the witness
        land,    ///< a late put arrives
        fence,   ///< arg 0: off and told; 1: fails; 2: off and not told; 4 for each write kept
        guard,
        fire, ///< the guard's deadline has passed
        exit,
        boot,
        wake,
        crash, ///< arg: writes that are kept
        freeze,
        cut, ///< n: sender; bit 0: both directions; bits 1 and 2: who reaches nothing else; dr
             ///< node: all its links
        heal,
        serial, ///< cut
        lan,    ///< n alone reaches neither probe nor witness
        stall,  ///< n, arg: Stall
        unstall,
        store_dies,
        guard_dies,
        witness_dies,
        witness_wiped,
        witness_back,
        command, ///< n, arg: number of the mode's command
    };
    Kind kind = Kind::tick;
    std::uint8_t n = 0;
    std::uint8_t arg = 0;
    bool operator==(const Action&) const = default;
};

/// What a run of actions showed, for properties and traces.
struct Seen {
    std::string violation;
    std::uint32_t rules = 0;    ///< bits, by place in core::rules
    std::uint32_t dr_rules = 0; ///< those that the dr node used
    std::uint32_t sights = 0;
    std::vector<std::string>* trace = nullptr;
};

/// Situations that a mode must show at least once (properties "sometimes").
enum class Sight : std::uint8_t {
    takeover,
    takeover_by_name,
    hand_over,
    hand_over_undone,
    self_fence,
    went_alone,
    gave_up_sync,
    guard_fired,
    frozen_while_peer_leads,
    witness_granted,
    witness_refused,
    witness_unsure,
    fenced,
    forced,
    in_sync,
};
constexpr std::size_t sights = 15;
std::string_view to_string(Sight sight);

/// Both nodes off, as `roleswap init` and `join` leave them.
World blank(const Mode& mode);
World initial(const Mode& mode);
World initial(const Mode& mode, Seen& seen); ///< what came on the way there
/// All that can happen, in a fixed order.
std::vector<Action> actions(const Mode& mode, const World& world);
/// Whether it can happen now, in whatever order.
bool is_possible(const Mode& mode, const World& world, const Action& action);
/// Only what must happen before time may go on; empty: tick.
std::vector<Action> urgent(const Mode& mode, const World& world);
/// Empty for what happens without any fault.
std::optional<Fault> fault_of(const Action& action);
void apply(const Mode& mode, World& world, const Action& action, Seen& seen);

std::string describe(const Action& action);
/// Throws std::invalid_argument.
Action parse_action(const std::string& text);

// canon.cpp
using Bytes = std::vector<std::uint8_t>;
/// The node that `action` is about, and who is cut off by it, the other way round.
Action swapped(Action action);
/// Equal for worlds that nothing can tell apart: clocks, counters and epochs are relative, nodes
/// may be swapped.
Bytes pack(const World& world, bool* turned = nullptr); ///< `turned`: packed with nodes swapped
World unpack(const Mode& mode, const Bytes& bytes);

// live.cpp
/// One master and its in-sync standby, or the dr node leads, knows of no cut, and the pair waits.
bool is_calm(const World& world);
/// After all faults healed, time goes on in a fixed order: empty where one master and an in-sync
/// standby come, or where a human has to say who leads; else what is wrong.
std::string settles(const Mode& mode, const World& world, Seen& seen);

} // namespace roleswap::explore
