#include "../../daemon/lag_meter.hpp"
#include "core/machine.hpp"
#include "durable/record_file.hpp"
#include "wire/message.hpp"
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <deque>
#include <random>

namespace roleswap::dr_test {

using namespace core;

namespace {

constexpr std::array all_three{Node::first, Node::second, Node::dr};
constexpr std::size_t at(Node node)
{
    return static_cast<std::size_t>(node);
}

/// Random histories per test; ROLESWAP_DR_HISTORIES asks for more.
unsigned histories()
{
    const char* more = std::getenv("ROLESWAP_DR_HISTORIES");
    return more != nullptr ? static_cast<unsigned>(std::atoi(more)) : 300;
}

/// Three cores whose disks and stores do what they are told, and messages that take one turn.
class Trio {
public:
    struct Host {
        State state;
        Record disk;
        std::uint64_t boots = 0;
        bool alive = false;
        bool primary = false; ///< its store accepts writes
        std::vector<Reply> replies;
        std::vector<std::string> told;
    };

    explicit Trio(bool probes = true) : probes_(probes)
    {
        host(Node::first).disk = {1, Node::first, Mode::alone};
        for (const Node node : all_three) start(node);
    }

    Host& host(Node node) { return hosts_.at(at(node)); }
    const State& state(Node node) { return host(node).state; }
    void start(Node node)
    {
        auto& h = host(node);
        h.state = boot(
            {.self = node, .boot = ++h.boots, .probes_configured = probes_ && node != Node::dr},
            h.disk);
        h.alive = true;
    }
    void crash(Node node) { host(node).alive = host(node).primary = false; }
    void cut(Node a, Node b, bool down)
    {
        cut_.at(at(a)).at(at(b)) = cut_.at(at(b)).at(at(a)) = down;
    }
    void alone(Node node, bool down)
    {
        for (const Node other : all_three)
            if (other != node) cut(node, other, down);
    }
    void give(Node node, const Input& input)
    {
        if (!host(node).alive) return;
        queue_.push_back({node, input});
    }
    void pass(Ticks ticks)
    {
        for (Ticks passed = 0; passed < ticks; passed += 40) {
            const auto letters = std::move(letters_);
            letters_.clear();
            for (const Node node : all_three) give(node, Elapsed{40});
            for (const auto& letter : letters) deliver(letter);
            work_off();
        }
    }
    std::uint64_t command(Node node, Command::Kind kind)
    {
        give(node, Command{++commands_, kind, "test"});
        work_off();
        return commands_;
    }
    const Reply* reply(Node node, std::uint64_t command)
    {
        for (const auto& reply : host(node).replies)
            if (reply.command == command) return &reply;
        return nullptr;
    }
    std::vector<Node> primaries()
    {
        std::vector<Node> found;
        for (const Node node : all_three)
            if (host(node).primary) found.push_back(node);
        return found;
    }
    bool is_master(Node node) { return host(node).alive && state(node).role == Role::master; }
    std::size_t most_primaries = 0; ///< at any time since it was set to 0
    bool lossy = false;
    std::mt19937 random{1};

private:
    struct Letter {
        Node from;
        Node to;
        Message message;
    };
    struct Given {
        Node node;
        Input input;
    };
    void deliver(const Letter& letter)
    {
        if (cut_.at(at(letter.from)).at(at(letter.to))) return;
        if (lossy && random() % 3 == 0) return;
        if (letter.from == Node::dr || letter.to == Node::dr)
            give(letter.to, HeardThird{letter.from, letter.message});
        else
            give(letter.to, Heard{letter.message});
    }
    void work_off()
    {
        while (!queue_.empty()) {
            const auto given = queue_.front();
            queue_.pop_front();
            if (!host(given.node).alive) continue;
            for (const auto& effect : step(host(given.node).state, given.input))
                std::visit([&](const auto& e) { act(given.node, e); }, effect);
            most_primaries = std::max(most_primaries, primaries().size());
        }
    }
    void tell(Node node, StoreEvent::Kind kind) { give(node, StoreEvent{kind, base::Lsn{1000}}); }
    void act(Node node, const Persist& e)
    {
        host(node).disk = e.record;
        give(node, Persisted{e.ticket});
    }
    void act(Node node, const Send& e)
    {
        for (const Node to : all_three)
            if (to != node) letters_.push_back({node, to, e.message});
    }
    void act(Node node, const StoreFollow&) { tell(node, StoreEvent::Kind::following); }
    void act(Node node, const StoreLead&)
    {
        host(node).primary = true;
        tell(node, StoreEvent::Kind::primary);
    }
    void act(Node node, const StoreMode& e)
    {
        tell(node, e.mode == Mode::mirrored ? StoreEvent::Kind::in_sync : StoreEvent::Kind::alone);
    }
    void act(Node node, const StoreFreeze&) { tell(node, StoreEvent::Kind::frozen); }
    void act(Node node, const StoreThaw&) { tell(node, StoreEvent::Kind::thawed); }
    void act(Node node, const StoreStop&)
    {
        host(node).primary = false;
        tell(node, StoreEvent::Kind::stopped);
    }
    void act(Node, const WorkStart&) {}
    void act(Node, const WorkSuspend&) {}
    void act(Node, const WorkResume&) {}
    void act(Node node, const WorkKill&) { give(node, TasksDead{}); }
    void act(Node node, const Probe&) { give(node, ProbeAnswer{ProbeAnswer::Kind::reached}); }
    void act(Node, const WitnessAsk&) {}
    void act(Node, const FencePeer&) {}
    void act(Node, const ExtendGuard&) {}
    void act(Node node, const Notify& e) { host(node).told.emplace_back(e.what); }
    void act(Node node, const Reply& e) { host(node).replies.push_back(e); }

    std::array<Host, 3> hosts_;
    std::array<std::array<bool, 3>, 3> cut_{};
    std::deque<Given> queue_;
    std::vector<Letter> letters_;
    std::uint64_t commands_ = 0;
    bool probes_;
};

/// left master and right in sync, the dr node mirrors left.
Trio settled()
{
    Trio trio;
    trio.pass(6000);
    REQUIRE(trio.is_master(Node::first));
    REQUIRE(trio.state(Node::second).in_sync);
    REQUIRE(trio.state(Node::dr).role == Role::standby);
    trio.most_primaries = 0;
    return trio;
}

bool refused(Trio& trio, Node node, Command::Kind kind, const std::string& words)
{
    const auto* reply = trio.reply(node, trio.command(node, kind));
    INFO((reply != nullptr ? reply->why : "no reply"));
    return reply != nullptr && reply->kind == Reply::Kind::refused &&
           reply->why.find(words) != std::string::npos;
}

/// Both nodes of the pair are gone and the dr node was activated.
Trio activated()
{
    Trio trio = settled();
    trio.crash(Node::first);
    trio.crash(Node::second);
    trio.pass(4000);
    trio.command(Node::dr, Command::Kind::activate_force);
    trio.pass(200);
    REQUIRE(trio.is_master(Node::dr));
    return trio;
}

} // namespace

TEST_CASE("the dr node mirrors the master and counts for nothing")
{
    auto trio = settled();
    const Record mirrored{trio.state(Node::first).record.epoch, Node::first, Mode::alone, 1};
    CHECK(trio.state(Node::dr).record == mirrored);
    CHECK_FALSE(trio.state(Node::dr).in_sync);
    CHECK(upstream(trio.state(Node::dr)) == Node::first);
    trio.crash(Node::dr);
    trio.pass(5000);
    CHECK(trio.is_master(Node::first));
    CHECK(trio.state(Node::first).record.mode == Mode::mirrored);
}

TEST_CASE("the dr node follows across a swap and a takeover")
{
    auto trio = settled();
    trio.command(Node::first, Command::Kind::hand_over);
    trio.pass(400);
    REQUIRE(trio.is_master(Node::second));
    CHECK(trio.state(Node::dr).record.epoch == trio.state(Node::second).record.epoch);
    CHECK(upstream(trio.state(Node::dr)) == Node::second);
    trio.pass(3000);
    trio.crash(Node::second);
    trio.pass(3000);
    REQUIRE(trio.is_master(Node::first));
    CHECK(upstream(trio.state(Node::dr)) == Node::first);
    CHECK(trio.state(Node::dr).store == StoreState::following);
    CHECK(trio.most_primaries == 1);
}

TEST_CASE("the dr node never leads by itself")
{
    auto trio = settled();
    trio.crash(Node::first);
    trio.crash(Node::second);
    trio.pass(60'000);
    CHECK(trio.state(Node::dr).role == Role::standby);
    CHECK(trio.primaries().empty());
    CHECK(refused(trio, Node::dr, Command::Kind::activate, "--force"));
    trio.crash(Node::dr);
    trio.start(Node::dr);
    trio.pass(60'000);
    CHECK(trio.state(Node::dr).role == Role::undecided);
}

TEST_CASE("an activation is refused while a master is heard")
{
    auto trio = settled();
    CHECK(refused(trio, Node::dr, Command::Kind::activate_force, "heard as master"));
    trio.alone(Node::first, true);
    trio.pass(40);
    CHECK(refused(trio, Node::dr, Command::Kind::activate_force, "heard as master"));
}

TEST_CASE("a standby that lives has to know of the activation before the dr node leads")
{
    auto trio = settled();
    trio.command(Node::second, Command::Kind::hold_takeover);
    trio.crash(Node::first);
    trio.pass(4000); // from then on it would need an operator
    trio.command(Node::dr, Command::Kind::activate_force);
    trio.pass(40);
    CHECK(trio.state(Node::dr).role == Role::claiming);
    CHECK(trio.primaries().empty());
    trio.pass(200);
    CHECK(trio.is_master(Node::dr));
    CHECK(trio.host(Node::second).disk == Record{dr_era, Node::dr, Mode::alone});
    // It stands by with the store of the old master: no heir before it was told to mirror.
    CHECK(trio.state(Node::second).role == Role::standby);
    CHECK(refused(trio, Node::dr, Command::Kind::rejoin, "no node of the pair mirrors"));
}

TEST_CASE("a dr node that just started listens before it may be activated")
{
    auto trio = settled();
    trio.crash(Node::dr);
    trio.start(Node::dr);
    CHECK(refused(trio, Node::dr, Command::Kind::activate_force, "listens"));
}

TEST_CASE("nodes of the pair that come back do not lead beside an activated dr node")
{
    auto trio = activated();
    CHECK(trio.state(Node::dr).record.epoch == dr_era);
    trio.start(Node::first);
    trio.start(Node::second);
    trio.pass(30'000);
    CHECK(trio.most_primaries == 1);
    for (const Node node : {Node::first, Node::second}) {
        CHECK(trio.state(node).role == Role::undecided);
        CHECK(trio.host(node).disk == Record{dr_era, Node::dr, Mode::alone});
        CHECK(why_waiting(trio.state(node)).find("rejoin") != std::string::npos);
    }
    SECTION("nor when the dr node is gone again")
    {
        trio.crash(Node::dr);
        for (const Node node : {Node::first, Node::second}) {
            trio.crash(node);
            trio.start(node);
        }
        trio.pass(30'000);
        CHECK(trio.primaries().empty());
    }
    SECTION("nor by force while it is heard")
    {
        CHECK(refused(trio, Node::first, Command::Kind::activate_force, "dr node leads"));
        CHECK(refused(trio, Node::first, Command::Kind::activate, "dr node leads"));
    }
    SECTION("by force when it is gone, and then it waits for its operator")
    {
        trio.crash(Node::dr);
        trio.pass(5000);
        trio.command(Node::first, Command::Kind::activate_force);
        trio.pass(3000);
        REQUIRE(trio.is_master(Node::first));
        CHECK(trio.state(Node::first).record.epoch == dr_era + 1);
        CHECK(trio.state(Node::second).in_sync);
        trio.start(Node::dr);
        trio.pass(30'000);
        CHECK(trio.state(Node::dr).role == Role::undecided);
        CHECK(trio.most_primaries == 1);
        trio.command(Node::dr, Command::Kind::rejoin);
        trio.pass(400);
        CHECK(trio.state(Node::dr).role == Role::standby);
        CHECK(trio.state(Node::dr).store == StoreState::following);
    }
}

TEST_CASE("one node that hears of the activation is enough")
{
    auto trio = activated();
    trio.cut(Node::second, Node::dr, true);
    trio.start(Node::first);
    trio.start(Node::second);
    trio.pass(5000);
    CHECK(trio.host(Node::second).disk == Record{dr_era, Node::dr, Mode::alone});
    CHECK(trio.most_primaries == 1);
}

TEST_CASE("a living pair that was not heard gives up when it hears of the activation")
{
    auto trio = settled();
    trio.alone(Node::dr, true);
    trio.pass(4000);
    trio.command(Node::dr, Command::Kind::activate_force);
    trio.pass(200);
    REQUIRE(trio.is_master(Node::dr));
    REQUIRE(trio.is_master(Node::first)); // what the operator was told before
    trio.alone(Node::dr, false);
    trio.pass(200);
    CHECK(trio.primaries() == std::vector{Node::dr});
    trio.pass(30'000);
    CHECK(trio.primaries() == std::vector{Node::dr});
}

TEST_CASE("an activated dr node goes on after a restart, with a newer epoch")
{
    auto trio = activated();
    trio.crash(Node::dr);
    trio.pass(1000);
    trio.start(Node::dr);
    trio.pass(5000);
    CHECK(trio.is_master(Node::dr));
    CHECK(trio.state(Node::dr).record.epoch == 2 * dr_era);
}

TEST_CASE("the role goes back to a node that mirrors the dr node")
{
    auto trio = activated();
    trio.start(Node::first);
    trio.start(Node::second);
    trio.pass(5000);
    CHECK(refused(trio, Node::dr, Command::Kind::rejoin, "no node of the pair mirrors"));
    trio.command(Node::second, Command::Kind::rejoin);
    trio.pass(1000);
    REQUIRE(trio.state(Node::second).role == Role::standby);
    REQUIRE(upstream(trio.state(Node::second)) == Node::dr);
    REQUIRE(trio.state(Node::second).store == StoreState::following);
    const auto command = trio.command(Node::dr, Command::Kind::rejoin);
    trio.pass(5000);
    CHECK(trio.is_master(Node::second));
    CHECK(trio.state(Node::second).record.epoch == dr_era + 2);
    CHECK(trio.state(Node::first).in_sync);
    CHECK(trio.state(Node::dr).role == Role::standby);
    CHECK(upstream(trio.state(Node::dr)) == Node::second);
    REQUIRE(trio.reply(Node::dr, command) != nullptr);
    CHECK(trio.reply(Node::dr, command)->kind == Reply::Kind::done);
    CHECK(trio.most_primaries == 1);
}

TEST_CASE("a node that mirrors the dr node goes on after a restart")
{
    auto trio = activated();
    trio.start(Node::first);
    trio.pass(5000);
    trio.command(Node::first, Command::Kind::rejoin);
    trio.pass(1000);
    trio.crash(Node::first);
    trio.start(Node::first);
    trio.pass(1000);
    CHECK(trio.state(Node::first).store == StoreState::following);
    CHECK(upstream(trio.state(Node::first)) == Node::dr);
}

TEST_CASE("whatever comes, nobody leads beside a dr node that all hear")
{
    using Kind = Command::Kind;
    constexpr std::array kinds{Kind::hand_over, Kind::activate, Kind::activate_force,
                               Kind::rejoin,    Kind::rejoin,   Kind::hold_takeover};
    std::size_t led = 0;
    std::size_t back = 0;
    for (unsigned seed = 1; seed <= histories(); ++seed) {
        INFO("seed " << seed);
        auto trio = settled();
        trio.random.seed(seed);
        for (int turn = 0; turn < 40; ++turn) {
            const auto node = all_three.at(trio.random() % 3);
            const auto dice = trio.random() % 10;
            if (dice < 2 && trio.host(node).alive)
                trio.crash(node);
            else if (dice < 5 && !trio.host(node).alive)
                trio.start(node);
            else if (dice < 8) {
                auto kind = kinds.at(trio.random() % kinds.size());
                // By force a node of the pair may lead beside its peer; that is not meant here.
                if (kind == Kind::activate_force && node != Node::dr) kind = Kind::activate;
                trio.command(node, kind);
            }
            trio.lossy = trio.random() % 2 == 0;
            trio.pass(40 + trio.random() % 4000);
            led += trio.is_master(Node::dr) ? 1 : 0;
            back += trio.is_master(Node::first) && trio.state(Node::first).record.epoch > dr_era;
        }
        REQUIRE(trio.most_primaries <= 1);
    }
    CHECK(led > 100);
    CHECK(back > 10);
}

TEST_CASE("whatever was cut, a healed trio has one master or waits for its operator")
{
    using Kind = Command::Kind;
    std::size_t led = 0;
    std::size_t waiting = 0;
    for (unsigned seed = 1; seed <= histories(); ++seed) {
        INFO("seed " << seed);
        auto trio = settled();
        trio.random.seed(seed);
        for (int turn = 0; turn < 20; ++turn) {
            const auto node = all_three.at(trio.random() % 3);
            const auto dice = trio.random() % 10;
            if (dice < 4)
                trio.cut(node, Node::dr, trio.random() % 2 == 0);
            else if (dice < 5 && trio.host(node).alive)
                trio.crash(node);
            else if (dice < 7 && !trio.host(node).alive)
                trio.start(node);
            else
                trio.command(Node::dr, dice < 9 ? Kind::activate_force : Kind::rejoin);
            trio.pass(40 + trio.random() % 6000);
        }
        for (const Node node : all_three) {
            trio.cut(node, Node::dr, false);
            if (!trio.host(node).alive) trio.start(node);
        }
        trio.pass(20'000);
        REQUIRE(trio.primaries().size() <= 1);
        const bool dr_leads = trio.is_master(Node::dr);
        const bool pair_leads = trio.is_master(Node::first) || trio.is_master(Node::second);
        const auto newest = trio.state(Node::dr).record.epoch;
        for (const Node node : all_three)
            if (trio.is_master(node)) REQUIRE(trio.state(node).record.epoch >= newest);
        for (const Node node : all_three)
            UNSCOPED_INFO(to_string(trio.state(node).role)
                          << " " << trio.host(node).disk.epoch << " of "
                          << at(trio.host(node).disk.master) << " round "
                          << trio.host(node).disk.round << ": " << why_waiting(trio.state(node)));
        REQUIRE((dr_leads || pair_leads));
        led += dr_leads ? 1 : 0;
        waiting += trio.state(Node::dr).role == Role::undecided ? 1 : 0;
    }
    CHECK(led > 10);
    UNSCOPED_INFO(led << " led by the dr node, " << waiting << " waited for rejoin");
}

TEST_CASE("a record of the dr node goes over the wire and to the disk")
{
    const Record record{3 * dr_era, Node::dr, Mode::alone, 1};
    const auto bytes = wire::encode(Message{.boot = 1, .sequence = 2, .record = record});
    CHECK(std::get<Message>(wire::decode_message(bytes)).record == record);
    const auto text = durable::format_record({record, 7});
    CHECK(text.find("master dr\n") != std::string::npos);
    CHECK(durable::parse_record(text, "r").role == record);
}

TEST_CASE("the lag of a mirror is told in bytes and in time")
{
    daemon::LagMeter lag;
    const auto lsn = [](std::uint64_t bytes) { return base::Lsn{bytes}; };
    lag.note(1000, lsn(100), lsn(100));
    CHECK(lag.bytes() == 0);
    CHECK(lag.behind(5000) == 0);
    lag.note(2000, lsn(300), lsn(100));
    lag.note(3000, lsn(500), lsn(200));
    CHECK(lag.bytes() == 300);
    CHECK(lag.behind(3500) == 1500);
    lag.note(4000, lsn(600), lsn(400));
    CHECK(lag.behind(4000) == 1000);
    for (core::Ticks now = 5000; now < 900'000; now += 250) lag.note(now, lsn(now), lsn(500));
    CHECK(lag.behind(900'000) == 896'000); // the oldest stays, however long
    lag.note(900'000, lsn(900), lsn(900)); // another master, with less
    CHECK(lag.behind(900'000) == 0);
}

} // namespace roleswap::dr_test
