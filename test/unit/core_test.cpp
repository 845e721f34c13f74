#include "core/machine.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

namespace roleswap::core_test {

using namespace core;

namespace {

constexpr Record none{};
constexpr Node me = Node::first;
constexpr Node peer = Node::second;

Record record(Epoch epoch, Node master, Mode mode)
{
    return {epoch, master, mode};
}
const Record mine_alone = record(3, me, Mode::alone);
const Record mine_mirrored = record(3, me, Mode::mirrored);
const Record theirs_alone = record(4, peer, Mode::alone);
const Record theirs_mirrored = record(4, peer, Mode::mirrored);

template <class T> const T* find(const Effects& effects)
{
    for (const auto& effect : effects)
        if (const T* found = std::get_if<T>(&effect)) return found;
    return nullptr;
}

const Reply* refusal(const Effects& effects)
{
    const Reply* reply = find<Reply>(effects);
    return reply && reply->kind == Reply::Kind::refused ? reply : nullptr;
}

/// One core and a peer that says what the test wants.
struct Bench {
    State state;
    std::uint64_t sequence = 0;
    Effects last;

    explicit Bench(const Record& disk, bool probes = true)
        : state(boot({.self = me, .boot = 5, .probes_configured = probes}, disk))
    {
        pass(10);
    }
    Effects& pass(Ticks ticks) { return last = step(state, Elapsed{ticks}); }
    Effects& silence(Ticks ticks, bool reached = true)
    {
        for (Ticks passed = 0; passed < ticks; passed += 40) {
            pass(40);
            if (find<Probe>(last)) {
                const auto kind =
                    reached ? ProbeAnswer::Kind::reached : ProbeAnswer::Kind::none_reached;
                const Effects before = last;
                step(state, ProbeAnswer{kind});
                last = before;
            }
            if (find<Persist>(last) || find<StoreStop>(last) || find<StoreThaw>(last)) break;
        }
        return last;
    }
    Message message(Role role, const Record& record) const
    {
        return {.boot = 9,
                .sequence = sequence + 1,
                .sent_at = sequence,
                .echo_boot = state.settings.boot,
                .echo_sequence = state.sequence,
                .echo_sent_at = state.sent_at,
                .role = role,
                .record = record};
    }
    Effects& hear(const Message& heard)
    {
        sequence = heard.sequence;
        return last = step(state, Heard{heard});
    }
    Effects& hear(Role role, const Record& what) { return hear(message(role, what)); }
    Effects& store(StoreEvent::Kind kind) { return last = step(state, StoreEvent{kind, {}}); }
    Effects& persisted() { return last = step(state, Persisted{state.ticket}); }
    Effects& command(Command::Kind kind) { return last = step(state, Command{7, kind, "test"}); }
};

Message following(Message message)
{
    message.store = StoreState::following;
    return message;
}

/// Standby in sync with the peer's epoch 4.
Bench standby()
{
    Bench b(none);
    b.hear(Role::master, theirs_alone);
    b.persisted();
    b.store(StoreEvent::Kind::following);
    b.hear(Role::master, theirs_mirrored);
    b.persisted();
    b.hear(Role::master, theirs_mirrored);
    REQUIRE(b.state.in_sync);
    return b;
}

/// Master of its epoch with an in-sync peer.
Bench master()
{
    Bench b(mine_alone);
    b.hear(Role::undecided, none);
    b.persisted();
    b.store(StoreEvent::Kind::primary);
    Record now = b.state.record;
    b.hear(following(b.message(Role::standby, now)));
    b.store(StoreEvent::Kind::in_sync);
    b.persisted();
    now = b.state.record;
    REQUIRE(now.mode == Mode::mirrored);
    b.hear(following(b.message(Role::standby, now)));
    REQUIRE(b.state.role == Role::master);
    REQUIRE(b.state.peer_may_claim);
    return b;
}

} // namespace

TEST_CASE("every role is reachable and none is a dead end", "[core]")
{
    std::set<Role> reached{Role::undecided};
    for (std::size_t i = 0; i < std::size(rules); ++i)
        for (const Rule& rule : rules)
            if (reached.contains(rule.from)) reached.insert(rule.to);
    CHECK(reached.size() == 6);
    for (const Role role : reached)
        CHECK(std::any_of(std::begin(rules), std::end(rules),
                          [role](const Rule& rule) { return rule.from == role; }));
    for (const Rule& rule : rules) CHECK_FALSE(rule.why.empty());
}

TEST_CASE("what an undecided node becomes when it hears its peer", "[core]")
{
    struct Row {
        const char* name;
        Record mine;
        Role role;
        Record theirs;
        Role becomes;
        Epoch epoch; ///< persisted; 0 = none
    };
    const Record handed = record(5, me, Mode::alone);
    const Record given = record(4, peer, Mode::alone);
    const auto row = GENERATE_COPY(
        Row{"new node, master", none, Role::master, theirs_alone, Role::standby, 4},
        Row{"new node, undecided peer", none, Role::undecided, theirs_alone, Role::undecided, 0},
        Row{"both new", none, Role::undecided, none, Role::undecided, 0},
        Row{"old master, newer master", mine_mirrored, Role::master, theirs_alone, Role::standby,
            4},
        Row{"same epoch, standby believes", mine_alone, Role::standby, mine_alone, Role::claiming,
            5},
        Row{"in-sync standby claims itself", mine_mirrored, Role::standby, mine_mirrored,
            Role::undecided, 0},
        Row{"standby gave up", mine_mirrored, Role::standby, mine_alone, Role::claiming, 5},
        Row{"both mirrored, both booted", mine_mirrored, Role::undecided, mine_mirrored,
            Role::claiming, 5},
        Row{"the peer is newer", mine_alone, Role::undecided, theirs_mirrored, Role::undecided, 0},
        Row{"the peer claims", mine_alone, Role::claiming, theirs_alone, Role::undecided, 0},
        Row{"the peer is being demoted", mine_alone, Role::demoting, theirs_alone, Role::undecided,
            0},
        Row{"handed to me", mine_mirrored, Role::undecided, handed, Role::claiming, 5},
        Row{"handed to the peer", given, Role::undecided, mine_mirrored, Role::undecided, 0},
        Row{"older master", record(5, me, Mode::alone), Role::master, theirs_alone, Role::undecided,
            0},
        Row{"I lost my memory", none, Role::standby, mine_mirrored, Role::undecided, 0},
        Row{"I lost my memory, both undecided", none, Role::undecided, mine_mirrored,
            Role::undecided, 0});
    INFO(row.name);
    Bench b(row.mine);
    b.hear(row.role, row.theirs);
    CHECK(b.state.role == row.becomes);
    const Persist* persist = find<Persist>(b.last);
    CHECK((persist ? persist->record.epoch : 0) == row.epoch);
    CHECK((b.state.role != Role::undecided || !why_waiting(b.state).empty()));
}

TEST_CASE("what an undecided node does about a silent peer", "[core]")
{
    struct Row {
        Record mine;
        bool hold;
        Role becomes;
    };
    const auto row = GENERATE_COPY(
        Row{mine_alone, false, Role::claiming}, Row{mine_alone, true, Role::undecided},
        Row{mine_mirrored, false, Role::undecided}, Row{theirs_alone, false, Role::undecided},
        Row{none, false, Role::undecided});
    Bench b(row.mine);
    if (row.hold) b.command(Command::Kind::hold_takeover);
    b.silence(900);
    CHECK(b.state.role == Role::undecided);
    b.silence(200);
    CHECK(b.state.role == row.becomes);
}

TEST_CASE("an undecided node believes only answers to itself", "[core]")
{
    Bench b(mine_alone);
    Message old = b.message(Role::undecided, none);
    old.echo_boot = 4;
    b.hear(old);
    CHECK(b.state.role == Role::undecided);
    b.hear(Role::undecided, none);
    CHECK(b.state.role == Role::claiming);
}

TEST_CASE("what an in-sync standby does when it hears its master", "[core]")
{
    struct Row {
        const char* name;
        Role role;
        Record theirs;
        bool wish, hold;
        Role becomes;
        bool in_sync;
    };
    const Record handed = record(5, me, Mode::alone);
    const Record newer = record(6, peer, Mode::alone);
    const auto row = GENERATE_COPY(
        Row{"all is well", Role::master, theirs_mirrored, false, false, Role::standby, true},
        Row{"gave up", Role::undecided, theirs_mirrored, false, false, Role::claiming, false},
        Row{"gave up, hold", Role::undecided, theirs_mirrored, false, true, Role::standby, true},
        Row{"is being demoted", Role::demoting, theirs_mirrored, false, false, Role::standby, true},
        Row{"went alone", Role::master, theirs_alone, false, false, Role::standby, false},
        Row{"wishes to", Role::master, theirs_mirrored, true, false, Role::standby, false},
        Row{"was alone, gave up", Role::undecided, theirs_alone, false, false, Role::standby,
            false},
        Row{"handed over", Role::releasing, handed, false, false, Role::claiming, false},
        Row{"handed over, hold", Role::undecided, handed, false, true, Role::claiming, false},
        Row{"claimed again", Role::master, newer, false, false, Role::standby, false},
        Row{"lost its memory", Role::undecided, none, false, false, Role::standby, true});
    INFO(row.name);
    Bench b = standby();
    if (row.hold) b.command(Command::Kind::hold_takeover);
    Message m = b.message(row.role, row.theirs);
    m.wish_alone = row.wish;
    b.hear(m);
    CHECK(b.state.role == row.becomes);
    CHECK(b.state.in_sync == row.in_sync);
}

TEST_CASE("a silent master is replaced only on evidence", "[core]")
{
    SECTION("probes answer all the time: claims after the delay")
    {
        Bench b = standby();
        b.silence(960);
        CHECK(b.state.role == Role::standby);
        b.silence(80);
        CHECK(b.state.role == Role::claiming);
        CHECK(find<Persist>(b.last)->record == record(5, me, Mode::alone));
        CHECK_FALSE(find<StoreLead>(b.last));
        CHECK(find<StoreLead>(b.persisted()));
    }
    SECTION("no probe answers: gives up the right to claim")
    {
        Bench b = standby();
        b.silence(1480, false);
        CHECK(b.state.in_sync);
        b.silence(80, false);
        CHECK(b.state.role == Role::standby);
        CHECK(find<Persist>(b.last)->record == theirs_alone);
    }
    SECTION("cut off for a while, then not: the master may be alone")
    {
        Bench b = standby();
        b.silence(800, false);
        b.silence(400, true);
        CHECK(b.state.role == Role::standby);
    }
    SECTION("an old message of the master changes nothing")
    {
        Bench b = standby();
        Message old = b.message(Role::master, theirs_mirrored);
        old.sequence = 1;
        b.silence(600);
        step(b.state, Heard{old});
        b.silence(440);
        CHECK(b.state.role == Role::claiming);
    }
    SECTION("a freeze is no silence")
    {
        Bench b = standby();
        b.pass(5000);
        CHECK(b.state.role == Role::standby);
        CHECK_FALSE(b.state.in_sync);
        b.silence(3000);
        CHECK(b.state.role == Role::standby);
    }
}

TEST_CASE("without probes silence moves no role", "[core]")
{
    Bench b(none, false);
    b.hear(Role::master, theirs_alone);
    b.persisted();
    b.store(StoreEvent::Kind::following);
    b.hear(Role::master, theirs_mirrored);
    b.persisted();
    b.silence(5000);
    CHECK(b.state.role == Role::standby);
    CHECK(refusal(b.command(Command::Kind::activate)));
    CHECK_FALSE(refusal(b.command(Command::Kind::activate_force)));
    CHECK(b.state.role == Role::claiming);
}

TEST_CASE("the master keeps its lease or its hands off", "[core]")
{
    Bench b = master();
    SECTION("silent peer, probes answer: suspends, then goes on alone")
    {
        b.silence(800);
        REQUIRE(find<Persist>(b.last));
        CHECK(b.state.suspended);
        CHECK(find<Persist>(b.last)->record.mode == Mode::alone);
        CHECK_FALSE(find<StoreMode>(b.last));
        b.persisted();
        CHECK(find<StoreMode>(b.last)->mode == Mode::alone);
        CHECK(find<WorkResume>(b.last));
    }
    SECTION("silent peer, no probe: kills the work and stops the store in time")
    {
        b.silence(840, false);
        CHECK(find<WorkKill>(b.last));
        CHECK(find<StoreStop>(b.last));
        CHECK(b.state.role == Role::demoting);
        b.store(StoreEvent::Kind::stopped);
        CHECK(b.state.role == Role::demoting);
        step(b.state, TasksDead{});
        CHECK(b.state.role == Role::undecided);
    }
    SECTION("the peer is heard but does not hear")
    {
        const Message deaf = following(b.message(Role::standby, b.state.record));
        for (std::uint64_t i = 0; i < 22 && b.state.role == Role::master; ++i) {
            b.silence(40);
            Message m = deaf;
            m.sequence += i;
            if (b.state.role == Role::master) step(b.state, Heard{m});
        }
        CHECK(b.state.role == Role::demoting);
    }
    SECTION("a frozen master that wakes does nothing more")
    {
        b.pass(3000);
        CHECK(find<WorkKill>(b.last));
        CHECK(b.state.role == Role::demoting);
    }
    SECTION("an answer in time renews")
    {
        b.silence(640);
        CHECK(b.state.suspended);
        b.hear(following(b.message(Role::standby, b.state.record)));
        CHECK(find<WorkResume>(b.last));
        CHECK(*lease_remaining(b.state) > 900);
    }
}

TEST_CASE("a master goes alone with a live peer only after that gave up", "[core]")
{
    Bench b = master();
    Message m = b.message(Role::standby, b.state.record);
    m.leaving = true;
    b.hear(m);
    CHECK(b.state.wish_alone);
    CHECK(b.state.record.mode == Mode::mirrored);
    // Sent before the peer heard the wish: proves nothing.
    Record alone = b.state.record;
    alone.mode = Mode::alone;
    Message early = b.message(Role::standby, alone);
    early.echo_sequence = b.state.wish_sequence - 1;
    b.hear(early);
    CHECK_FALSE(b.state.pending);
    b.hear(Role::standby, alone);
    REQUIRE(find<Persist>(b.last));
    alone.round++;
    CHECK(find<Persist>(b.last)->record == alone);
    CHECK(find<StoreMode>(b.persisted())->mode == Mode::alone);
}

TEST_CASE("a newer epoch ends every older role", "[core]")
{
    Bench b = master();
    b.hear(Role::master, record(8, peer, Mode::alone));
    CHECK(b.state.role == Role::demoting);
    CHECK(find<WorkKill>(b.last));
    CHECK(find<StoreStop>(b.last));
}

TEST_CASE("a hand-over is refused with its reason", "[core]")
{
    Bench b = master();
    Message m = following(b.message(Role::standby, b.state.record));
    SECTION("the peer holds takeovers")
    {
        m.hold = true;
    }
    SECTION("the peer is not in sync")
    {
        m.record.mode = Mode::alone;
    }
    SECTION("the peer's store does not stream")
    {
        m.store = StoreState::down;
    }
    SECTION("the peer is no standby")
    {
        m.role = Role::undecided;
    }
    b.hear(m);
    b.command(Command::Kind::hand_over);
    REQUIRE(refusal(b.last));
    CHECK_FALSE(refusal(b.last)->why.empty());
    CHECK(b.state.role == Role::master);
    CHECK(refusal(standby().command(Command::Kind::hand_over)));
}

TEST_CASE("a hand-over passes its point of no return only with nothing alive", "[core]")
{
    Bench b = master();
    const Epoch before = b.state.record.epoch;
    b.command(Command::Kind::hand_over);
    CHECK(b.state.role == Role::releasing);
    b.store(StoreEvent::Kind::frozen);
    CHECK_FALSE(b.state.pending);
    b.last = step(b.state, TasksDead{});
    REQUIRE(find<Persist>(b.last));
    CHECK(find<Persist>(b.last)->record.epoch > before);
    CHECK(find<Persist>(b.last)->record.master == peer);
    b.persisted();
    REQUIRE(std::holds_alternative<Send>(b.last.front()));
    CHECK(std::get<Send>(b.last.front()).message.record.master == peer);
    CHECK(b.state.role == Role::demoting);
}

TEST_CASE("a hand-over is undone before its point of no return", "[core]")
{
    Bench b = master();
    b.command(Command::Kind::hand_over);
    step(b.state, TasksDead{});
    SECTION("the store cannot freeze")
    {
        b.store(StoreEvent::Kind::freeze_failed);
    }
    SECTION("the peer falls silent")
    {
        b.silence(560);
    }
    SECTION("the peer leaves")
    {
        Message m = following(b.message(Role::standby, b.state.record));
        m.leaving = true;
        b.hear(m);
    }
    CHECK(b.state.role == Role::master);
    CHECK(find<StoreThaw>(b.last));
    CHECK(refusal(b.last));
}

TEST_CASE("activate asks for the same evidence as a takeover", "[core]")
{
    Bench b = standby();
    CHECK(refusal(b.command(Command::Kind::activate)));
    b.command(Command::Kind::hold_takeover);
    b.silence(1040);
    CHECK(b.state.role == Role::standby);
    CHECK_FALSE(refusal(b.command(Command::Kind::activate)));
    CHECK(b.state.role == Role::claiming);
}

TEST_CASE("two nodes never claim the same epoch", "[core]")
{
    Bench left(mine_mirrored);
    State right = boot({.self = Node::second, .boot = 2}, mine_mirrored);
    left.command(Command::Kind::activate_force);
    const Effects effects = step(right, Command{1, Command::Kind::activate_force, "test"});
    CHECK(find<Persist>(left.last)->record.epoch != find<Persist>(effects)->record.epoch);
}

TEST_CASE("the same sentence is not said over and over", "[core]")
{
    Bench b(theirs_alone);
    std::size_t said = 0;
    for (int i = 0; i < 200; ++i) {
        b.pass(40);
        said += find<Notify>(b.last) != nullptr;
    }
    CHECK(said == 1);
}

TEST_CASE("time is asked for before the next limit", "[core]")
{
    Bench b = standby();
    b.silence(960);
    CHECK(next_tick(b.state) <= 40);
    CHECK(next_tick(b.state) >= 1);
}

TEST_CASE("a standby's heartbeat goes with one of its master's", "[core]")
{
    Bench b = standby();
    b.state.settings.company = 4;
    const auto heard = b.message(Role::master, theirs_mirrored);
    b.pass(40);
    b.hear(heard);
    const auto sent = b.state.sequence;
    SECTION("sooner, and answers that one")
    {
        b.pass(36);
        CHECK(b.state.sequence == sent);
        b.hear(b.message(Role::master, theirs_mirrored));
        const Send* answer = find<Send>(b.last);
        REQUIRE(answer);
        CHECK(answer->message.echo_sequence == b.sequence);
    }
    SECTION("not much sooner")
    {
        b.pass(35);
        CHECK_FALSE(find<Send>(b.hear(b.message(Role::master, theirs_mirrored))));
    }
    SECTION("later, but no later than that, and on time while the master is silent")
    {
        CHECK(next_tick(b.state) == 44);
        CHECK_FALSE(find<Send>(b.pass(43)));
        CHECK(find<Send>(b.pass(1)));
        CHECK_FALSE(find<Send>(b.pass(39)));
        CHECK(find<Send>(b.pass(1)));
    }
}

} // namespace roleswap::core_test
