#include "fields.hpp"
#include <algorithm>
#include <tuple>

namespace roleswap::explore {
namespace {

using core::Epoch;
using core::Ticks;

/// "Whatever the round is", in a question to the witness.
constexpr std::uint64_t endless = ~std::uint64_t{0};

constexpr std::uint64_t former_boot = std::uint64_t{1} << 40;

/// Numbers of which only the order counts: replaced by their places.
struct Ranks {
    std::vector<std::uint64_t> values;
    void add(std::uint64_t value)
    {
        if (value != 0) values.push_back(value);
    }
    void close()
    {
        std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
    }
    std::uint64_t rank(std::uint64_t value) const
    {
        if (value == 0) return 0;
        const auto at = std::lower_bound(values.begin(), values.end(), value);
        return static_cast<std::uint64_t>(at - values.begin()) + 1;
    }
};

/// Rounds of an epoch grow by one, from the newest, and are compared: how far a forgotten one lies
/// behind tells nothing, so wide gaps are closed.
class Rounds {
public:
    void add(Epoch of, std::uint64_t real)
    {
        for (const Round& known : known_)
            if (known.of == of && known.real == real) return;
        known_.push_back({of, real, 0});
    }
    void close()
    {
        std::sort(known_.begin(), known_.end(), [](const Round& a, const Round& b) {
            return std::tie(a.of, a.real) < std::tie(b.of, b.real);
        });
        for (std::size_t i = 1; i < known_.size(); ++i) {
            const Round& last = known_[i - 1];
            if (known_[i].of == last.of)
                known_[i].shown = last.shown + std::min(known_[i].real - last.real, gap_max);
        }
    }
    std::uint64_t shown(Epoch of, std::uint64_t real) const
    {
        for (const Round& known : known_)
            if (known.of == of && known.real == real) return known.shown;
        return real;
    }

private:
    struct Round {
        Epoch of = 0;
        std::uint64_t real = 0, shown = 0;
    };
    static constexpr std::uint64_t gap_max = 4;
    std::vector<Round> known_;
};

/// What every number is relative to.
struct Bases {
    /// Even; subtracted from all epochs of an era of the dr node but its own and 0.
    std::array<Epoch, 8> era{};
    Rounds rounds;
    std::array<std::array<Ranks, numbers>, 3> ranks;

    Epoch epoch(Epoch e) const
    {
        const Epoch number = e / core::dr_era;
        return e % core::dr_era == 0 || number >= era.size() ? e : e - era[number];
    }
};

Ticks clock_cap(unsigned n)
{
    return n == dr_node ? dr_cap : age_cap;
}

struct Collect {
    Bases bases;
    std::array<Epoch, 8> least{};

    void epoch(Epoch& e)
    {
        const Epoch number = e / core::dr_era, rest = e % core::dr_era;
        if (rest == 0 || number >= least.size()) return;
        least[number] = least[number] == 0 ? rest : std::min(least[number], rest);
    }
    void round(Epoch of, std::uint64_t& r)
    {
        if (r < endless) bases.rounds.add(of, r);
    }
    void number(unsigned n, Number kind, std::uint64_t& value)
    {
        bases.ranks[n][std::size_t(kind)].add(value);
    }
    void time(unsigned, Ticks&, Ticks) {}
    void ahead(unsigned, Ticks&, Ticks) {}
    void deadline(unsigned, Ticks&) {}
    void ticks(Ticks&, Ticks) {}
    template <class T> void plain(T&) {}
    void node(core::Node&) {}
    template <class T> bool present(std::optional<T>& value) { return value.has_value(); }

    Bases close()
    {
        bases.rounds.close();
        for (std::size_t i = 0; i < least.size(); ++i)
            if (least[i] != 0) bases.era[i] = (least[i] - 1) / 2 * 2;
        for (auto& of_node : bases.ranks)
            for (auto& ranks : of_node) ranks.close();
        return bases;
    }
};

struct Rewrite {
    const Bases& bases;
    World& world;

    void epoch(Epoch& e) const { e = bases.epoch(e); }
    void round(Epoch of, std::uint64_t& r) const
    {
        // `of` may have been rewritten already; the listing gives it as it was.
        if (r < endless) r = bases.rounds.shown(of, r);
    }
    void number(unsigned n, Number kind, std::uint64_t& value) const
    {
        value = bases.ranks[n][std::size_t(kind)].rank(value);
    }
    /// An age, as long as it matters.
    void time(unsigned n, Ticks& t, Ticks cap) const
    {
        const Ticks now = world.at(n).core.now;
        const Ticks shown = std::min(now, clock_cap(n));
        t = shown - std::min({t < now ? now - t : 0, cap, shown});
    }
    void ahead(unsigned n, Ticks& t, Ticks) const
    {
        const Ticks now = world.at(n).core.now;
        t = t > now ? std::min(now, clock_cap(n)) + (t - now) : 0;
    }
    void deadline(unsigned n, Ticks& t) const
    {
        const Ticks now = world.at(n).core.now, shown = std::min(now, clock_cap(n));
        if (t == core::ExtendGuard::never) return;
        t = t + shown > now ? t + shown - now : 0;
    }
    void ticks(Ticks& t, Ticks cap) const { t = std::min(t, cap); }
    template <class T> void plain(T&) const {}
    void node(core::Node&) const {}
    template <class T> bool present(std::optional<T>& value) const { return value.has_value(); }
};

/// The other node's view: the same world with the nodes swapped.  Epochs change their parity.
struct Flip {
    void epoch(Epoch& e) const
    {
        if (e != 0 && e < core::dr_era) ++e;
    }
    void round(Epoch, std::uint64_t&) const {}
    void number(unsigned, Number, std::uint64_t&) const {}
    void time(unsigned, Ticks&, Ticks) const {}
    void ahead(unsigned, Ticks&, Ticks) const {}
    void deadline(unsigned, Ticks&) const {}
    void ticks(Ticks&, Ticks) const {}
    template <class T> void plain(T&) const {}
    void node(core::Node& node) const
    {
        if (node != core::Node::dr) node = core::other(node);
    }
    template <class T> bool present(std::optional<T>& value) const { return value.has_value(); }
};

/// Room for one packed world: some hundred numbers, of ten bytes at most.
using Room = std::array<std::uint8_t, 8192>;

struct Put {
    std::uint8_t* at;
    void value(std::uint64_t v)
    {
        for (; v >= 0x80; v >>= 7) *at++ = static_cast<std::uint8_t>(v | 0x80);
        *at++ = static_cast<std::uint8_t>(v);
    }
    void epoch(Epoch& e) { value(e); }
    void round(Epoch, std::uint64_t& r) { value(r); }
    void number(unsigned, Number, std::uint64_t& v) { value(v); }
    void time(unsigned, Ticks& t, Ticks) { value(t / step_ms); }
    void ahead(unsigned, Ticks& t, Ticks) { value(t / step_ms); }
    void deadline(unsigned, Ticks& t)
    {
        value(t == core::ExtendGuard::never ? 0 : t / step_ms + 1);
    }
    void ticks(Ticks& t, Ticks) { value(t / step_ms); }
    template <class T> void plain(T& v) { value(static_cast<std::uint64_t>(v)); }
    void node(core::Node& n) { plain(n); }
    template <class T> bool present(std::optional<T>& v)
    {
        value(v.has_value());
        return v.has_value();
    }
};

struct Get {
    const std::uint8_t* at;
    std::uint64_t value()
    {
        std::uint64_t v = 0;
        for (unsigned shift = 0;; shift += 7) {
            const std::uint8_t byte = *at++;
            v |= std::uint64_t(byte & 0x7f) << shift;
            if (byte < 0x80) return v;
        }
    }
    void epoch(Epoch& e) { e = value(); }
    void round(Epoch, std::uint64_t& r) { r = value(); }
    void number(unsigned, Number, std::uint64_t& v) { v = value(); }
    void time(unsigned, Ticks& t, Ticks) { t = value() * step_ms; }
    void ahead(unsigned, Ticks& t, Ticks) { t = value() * step_ms; }
    void deadline(unsigned, Ticks& t)
    {
        const std::uint64_t v = value();
        t = v == 0 ? core::ExtendGuard::never : (v - 1) * step_ms;
    }
    void ticks(Ticks& t, Ticks) { t = value() * step_ms; }
    template <class T> void plain(T& v) { v = static_cast<T>(value()); }
    void node(core::Node& n) { plain(n); }
    template <class T> bool present(std::optional<T>& v)
    {
        if (value() == 0) return v.reset(), false;
        v.emplace();
        return true;
    }
};

void forget(Side& side)
{
    if (!side.alive) {
        const core::Settings settings = side.core.settings;
        side.core = core::State{};
        side.core.settings = settings;
        side.core.settings.boot = side.boots;
        side.core.answer_from = 0;
    }
    if (side.due.writes.empty()) side.before = side.disk;
    if (side.store.state != Store::State::following && side.store.op != Op::follow)
        side.store.from = core::Node::first;
    side.core.peer.heard_at = side.core.now;
    for (core::ThirdView& view : side.core.thirds) view.heard_at = view.last.sequence = 0;
    if (side.core.role != core::Role::releasing) side.core.heir = core::Node::dr;
    side.core.said.clear();
    side.core.boot_told = true;
    side.core.failures = std::min(side.core.failures, 4U);
    side.core.last_rule = core::State::no_rule;
    if (side.core.asking) side.core.asking->why.clear();
}

/// Forgets what no rule looks at any more.
void forget(World& world)
{
    for (unsigned n = 0; n < world.nodes(); ++n) forget(world.at(n));
    if (world.stall == Stall::none) world.stalled = 0;
    auto clean = [&world](unsigned receiver, core::Message& m) {
        const core::State& own = world.side[receiver].core;
        const core::State& peer = world.side[1 - receiver].core;
        // Apart from the numbers of this boot: the two are never compared.
        if (m.boot != peer.settings.boot && m.sequence != 0) m.sequence |= former_boot;
        if (m.boot != peer.settings.boot || !world.side[1 - receiver].alive) m.sent_at = 0;
        if (m.echo_boot != own.settings.boot) m.echo_boot = m.echo_sequence = m.echo_sent_at = 0;
    };
    for (unsigned n = 0; n < 2; ++n) {
        // Numbers of a former boot are compared with those on their way only.
        core::Message& last = world.side[n].core.peer.last;
        const bool former = last.boot != world.side[1 - n].core.settings.boot;
        const bool compared =
            std::any_of(world.to[n].begin(), world.to[n].end(),
                        [&last](const core::Message& m) { return m.boot == last.boot; });
        if (former && !compared) last.sequence = 0;
        clean(n, last);
        for (auto& message : world.to[n]) clean(n, message);
    }
}

void normalise(World& world)
{
    Collect collect;
    each_field(collect, world);
    const Bases bases = collect.close();
    Rewrite rewrite{bases, world};
    each_field(rewrite, world);
    for (unsigned n = 0; n < world.nodes(); ++n)
        world.at(n).core.now = std::min(world.at(n).core.now, clock_cap(n));
}

Bytes bytes_of(World world)
{
    normalise(world);
    Room room; // not cleared, for it is filled up to `at`
    Put put{room.data()};
    for (unsigned n = 0; n < world.nodes(); ++n) put.value(world.at(n).core.now / step_ms);
    each_field(put, world);
    return {room.data(), put.at};
}

World swapped(World world)
{
    std::swap(world.side[0], world.side[1]);
    std::swap(world.to[0], world.to[1]);
    std::swap(world.cut[0], world.cut[1]);
    world.stalled = world.stall == Stall::none ? 0 : 1 - world.stalled;
    Flip flip;
    each_field(flip, world);
    for (unsigned n = 0; n < 2; ++n)
        world.side[n].core.settings.self = n == 0 ? core::Node::first : core::Node::second;
    return world;
}

} // namespace

Action swapped(Action action)
{
    using enum Action::Kind;
    const bool global = action.kind == tick || action.kind == heal || action.kind == serial ||
                        action.kind == unstall || action.kind >= witness_dies;
    if (!global || action.kind == command) action.n = 1 - action.n;
    if (action.kind == cut && (action.arg & 1)) action.n = 0; // both directions: said one way
    if (action.kind == cut)
        action.arg = static_cast<std::uint8_t>((action.arg & 1) | (action.arg & 2) << 1 |
                                               (action.arg & 4) >> 1);
    return action;
}

Bytes pack(const World& original, bool* turned)
{
    World world = original;
    forget(world);
    Bytes one = bytes_of(world);
    if (turned) *turned = false;
    // What is told to the dr node and by it comes in an order that knows first and second.
    if (world.dr) return one;
    Bytes other = bytes_of(swapped(std::move(world)));
    const bool swap = other < one;
    if (turned) *turned = swap;
    return swap ? other : one;
}

World unpack(const Mode& mode, const Bytes& bytes)
{
    World world = blank(mode);
    Get get{bytes.data()};
    for (unsigned n = 0; n < world.nodes(); ++n) world.at(n).core.now = get.value() * step_ms;
    each_field(get, world);
    for (unsigned n = 0; n < world.nodes(); ++n) {
        Side& side = world.at(n);
        side.core.boot_told = true;
        side.core.peer.heard_at = side.core.now;
    }
    return world;
}

} // namespace roleswap::explore
