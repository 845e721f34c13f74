#include "core/turn.hpp"
#include <algorithm>
#include <array>

/// The dr node: a mirror outside the pair that leads only when a human says so, and what the nodes
/// of the pair make of it.  It promises nothing and nobody waits for it, so none of the rules of
/// lease, mode and takeover know it; all there is of it is one kind of record: "epoch E is of the
/// dr node".  Whoever hears such a record that is newer than his own makes it his own, durably, and
/// leads no more.
namespace roleswap::core {
namespace {

constexpr std::array pair_nodes{Node::first, Node::second};
/// Silence over a long way is judged with more patience than within the pair.
constexpr Ticks silence_min = 3000;

Ticks dr_patience(const State& s)
{
    return std::max(s.settings.takeover_delay, silence_min);
}

bool is_heard(const State& s, const ThirdView& view)
{
    return view.last.boot != 0 && view.silence < dr_patience(s);
}

bool is_acting(Role role)
{
    return role == Role::master || role == Role::releasing || role == Role::claiming ||
           role == Role::demoting;
}

/// The record says that this node shall mirror whom it names, not only that it must not lead.
bool mirrors(const Record& record)
{
    return record.epoch == 0 || record.round > 0;
}

Epoch own_epoch(const State& s)
{
    return s.pending ? std::max(s.pending->record.epoch, s.record.epoch) : s.record.epoch;
}

void follow_third(Turn& t, const Record& record, std::string why)
{
    State& s = t.s;
    if (s.role == Role::undecided) t.move(Event::peer_is_master);
    s.in_sync = s.store_hot = s.peer_has_all = false;
    s.follow_epoch = 0;
    s.retry_at = 0;
    t.notify("standby", std::move(why));
    t.persist(Record{record.epoch, record.master, Mode::alone, 1}, After::nothing);
}

/// The node of the pair that is master of the newest epoch this node knows of.
const ThirdView* find_leader(const State& s)
{
    for (const Node node : pair_nodes) {
        const ThirdView& view = third_view(s, node);
        const Record& record = view.last.record;
        if (is_heard(s, view) && view.last.role == Role::master && record.master == node &&
            record.epoch >= own_epoch(s))
            return &view;
    }
    return nullptr;
}

/// Somebody of the pair has, or had, a newer epoch than this dr node: it leads no more, and what
/// only it holds is not thrown away before a human says `rejoin`.
void yield_to_pair(Turn& t, const Record& theirs)
{
    State& s = t.s;
    const Record& mine = s.pending ? s.pending->record : s.record;
    if (theirs.epoch <= mine.epoch || theirs.master == Node::dr || mine.master != Node::dr) return;
    if (s.role == Role::master || s.role == Role::releasing || s.role == Role::claiming)
        demote(t, Event::newer_epoch, "demotion",
               fmt::format("a node of the pair has the newer epoch {}", theirs.epoch));
    t.persist(Record{theirs.epoch, theirs.master, Mode::alone}, After::nothing);
}

/// An activated dr node that was restarted, or whose store failed, goes on.
void resume_lead(Turn& t)
{
    State& s = t.s;
    if (s.now < s.retry_at || s.now - s.role_since < dr_patience(s)) return;
    claim(t, {.what = "takeover",
              .why = fmt::format("this dr node was activated, and nobody has a newer epoch than {}",
                                 s.record.epoch)});
}

/// While it is heard, a node of the pair has to say that it knows who leads and has nothing alive.
bool has_yielded(const State& s, const ThirdView& view)
{
    const Message& m = view.last;
    return m.record.epoch == s.record.epoch && m.record.master == Node::dr && !is_acting(m.role);
}

/// A node of the pair that mirrors this dr node; the dr node itself where there is none.
Node find_heir(const State& s)
{
    for (const Node node : pair_nodes) {
        const ThirdView& view = third_view(s, node);
        const Message& m = view.last;
        if (is_heard(s, view) && has_yielded(s, view) && mirrors(m.record) &&
            m.role == Role::standby && m.store == StoreState::following && !m.leaving)
            return node;
    }
    return Node::dr;
}

void dr_releasing(Turn& t)
{
    State& s = t.s;
    if (s.role != Role::releasing || past_return(s)) return;
    const ThirdView& heir = third_view(s, s.heir);
    const Ticks limit = std::max<Ticks>(s.settings.takeover_delay, 1000);
    if (heir.silence >= limit || heir.last.leaving || heir.last.role != Role::standby)
        handover_undo(t, "the node that shall get the role does not mirror this one any more");
    else if (s.now - s.role_since >= limit)
        handover_undo(t, fmt::format("the {} did not end within {} ms",
                                     s.frozen ? "tasks" : "transactions of the store",
                                     s.now - s.role_since));
}

void dr_reply(Turn& t)
{
    State& s = t.s;
    if (!s.owed || s.owed->kind != Command::Kind::rejoin) return;
    if (s.role == Role::standby && !s.pending)
        return t.reply(s.owed, Reply::Kind::done,
                       fmt::format("mirrors the master of epoch {} again", s.record.epoch));
    const Ticks limit = std::max<Ticks>(10000, 5 * s.settings.takeover_delay);
    if (s.role == Role::master || s.role == Role::releasing || s.now - s.owed->since < limit)
        return;
    t.reply(s.owed, Reply::Kind::refused,
            fmt::format("the role was given away, but nobody was heard as master within {} ms; see "
                        "status",
                        limit));
}

/// The dr node leads: its role goes to the node of the pair that mirrors it, with all it has.
void give_role_back(Turn& t, const Command& command)
{
    State& s = t.s;
    const Node heir = find_heir(s);
    if (heir == Node::dr || s.suspended) {
        const std::string why = "no node of the pair mirrors this one: say `roleswap rejoin` on "
                                "the node that shall be master, and wait until it streams";
        t.notify("refused", why);
        return t.emit(Reply{command.id, Reply::Kind::refused, why});
    }
    s.owed = Owed{command.id, command.kind, s.now};
    s.heir = heir;
    handover_start(t);
}

} // namespace

Node upstream(const State& s)
{
    if (!is_dr(s)) {
        const bool aside = s.record.master == Node::dr && s.record.round > 0;
        return aside && s.role == Role::standby ? Node::dr : peer_of(s);
    }
    if (s.role == Role::releasing) return s.heir;
    return s.record.master == Node::second ? Node::second : Node::first;
}

const ThirdView& third_view(const State& s, Node node)
{
    return s.thirds.at(node == Node::second ? 1 : 0);
}

bool is_third_heard(const State& s, Node node)
{
    return is_heard(s, third_view(s, node));
}

bool dr_acts(const State& s)
{
    const ThirdView& view = third_view(s, Node::dr);
    return !is_dr(s) && is_heard(s, view) && is_acting(view.last.role) &&
           view.last.record.master == Node::dr;
}

bool yield_to_dr(Turn& t, const Record& theirs)
{
    State& s = t.s;
    if (is_dr(s) || theirs.master != Node::dr || theirs.epoch <= own_epoch(s)) return false;
    const auto why =
        fmt::format("the dr node was activated by hand and leads epoch {}", theirs.epoch);
    s.in_sync = false;
    s.wish_alone = false;
    s.asking.reset();
    const bool leads =
        s.role == Role::master || s.role == Role::releasing || s.role == Role::claiming;
    if (leads && !sabotaged(s, Settings::Sabotage::dr_unheard))
        demote(t, Event::newer_epoch, "demotion", why);
    else
        t.notify("waiting", why);
    t.persist(Record{theirs.epoch, Node::dr, Mode::alone}, After::nothing);
    return true;
}

void pair_hears_dr(Turn& t)
{
    State& s = t.s;
    const Message& m = third_view(s, Node::dr).last;
    yield_to_dr(t, m.record);
    const bool waits = s.role == Role::standby || s.role == Role::undecided;
    const bool mine = m.record.master == s.settings.self && m.record.epoch > own_epoch(s);
    if (waits && mine && !is_acting(m.role) && s.record.master == Node::dr && mirrors(s.record) &&
        !s.leaving)
        return claim(t, {.epoch = m.record.epoch,
                         .what = "takeover",
                         .why = "the dr node handed its role over"});
    order_follow(t);
    resolve(t);
}

void order_follow_third(Turn& t)
{
    State& s = t.s;
    const bool ready = s.role == Role::standby && !s.pending && !s.leaving && s.now >= s.retry_at;
    if (!ready || !mirrors(s.record) || s.follow_epoch == s.record.epoch) return;
    const Message& m = third_view(s, s.record.master).last;
    if (m.role != Role::master || m.record.epoch != s.record.epoch) return;
    s.follow_epoch = s.record.epoch;
    s.store_hot = false;
    s.store = StoreState::down;
    t.emit(StoreFollow{s.record.epoch});
}

void follow_dr(Turn& t)
{
    State& s = t.s;
    const ThirdView& view = third_view(s, Node::dr);
    const bool leads = is_heard(s, view) && view.last.role == Role::master;
    if (s.pending || s.leaving || s.record.master != Node::dr || !mirrors(s.record)) return;
    if (!leads || view.last.record.epoch < s.record.epoch) return;
    follow_third(t, view.last.record, "mirrors the dr node, as an operator ordered");
}

void rejoin_dr(Turn& t, const Command& command)
{
    State& s = t.s;
    std::string why;
    if (s.role != Role::undecided && s.role != Role::standby)
        why = fmt::format("this node is {}", to_string(s.role));
    else if (s.pending || s.leaving)
        why = "this node is busy; try again";
    else if (!dr_acts(s))
        why = "the dr node leads the newest epoch and is not heard as master; see `roleswap links`";
    if (!why.empty()) {
        t.notify("refused", why);
        return t.emit(Reply{command.id, Reply::Kind::refused, why});
    }
    follow_third(t, s.record, "mirrors the dr node, ordered by an operator");
    t.emit(Reply{command.id, Reply::Kind::done, "this node mirrors the dr node"});
}

void dr_resolve(Turn& t)
{
    State& s = t.s;
    if (s.pending || s.leaving) return;
    const bool led = s.record.epoch > 0 && s.record.master == Node::dr;
    const ThirdView* leader = find_leader(s);
    if (s.role == Role::standby && leader != nullptr) {
        const Record& record = leader->last.record;
        if (record.epoch > s.record.epoch)
            follow_third(t, record, fmt::format("a new master, epoch {}", record.epoch));
        return;
    }
    if (s.role != Role::undecided) return;
    if (led) return resume_lead(t);
    if (leader == nullptr || !mirrors(s.record)) return t.say_once("waiting", why_waiting(s));
    follow_third(t, leader->last.record,
                 fmt::format("mirrors the master of epoch {}", leader->last.record.epoch));
}

void dr_heard(Turn& t, Node from)
{
    State& s = t.s;
    yield_to_pair(t, third_view(s, from).last.record);
    dr_releasing(t);
    dr_resolve(t);
    order_follow(t);
    claim_elapsed(t);
    dr_reply(t);
}

void dr_elapsed(Turn& t)
{
    dr_releasing(t);
    dr_resolve(t);
    order_follow(t);
    if (t.s.role == Role::claiming) claim_elapsed(t);
    leave_elapsed(t);
    dr_reply(t);
}

bool pair_has_yielded(const State& s)
{
    return std::ranges::all_of(pair_nodes, [&s](Node node) {
        const ThirdView& view = third_view(s, node);
        return !is_heard(s, view) || has_yielded(s, view);
    });
}

std::string dr_activate_obstacle(const State& s)
{
    if (s.now < dr_patience(s))
        return fmt::format("this daemon listens for {} ms first, whether the pair lives",
                           dr_patience(s));
    for (const Node node : pair_nodes) {
        const ThirdView& view = third_view(s, node);
        const Message& m = view.last;
        if (!is_heard(s, view)) continue;
        const std::string name = node == Node::first ? "the first node" : "the second node";
        if (is_acting(m.role))
            return fmt::format("{} of the pair is heard as {} of epoch {}; stop roleswapd on both "
                               "nodes, or switch them off",
                               name, to_string(m.role), m.record.epoch);
        if (m.role == Role::standby && m.record.mode == Mode::mirrored)
            return name + " of the pair is heard as standby in sync, which takes over by itself; "
                          "stop roleswapd there, or switch it off";
    }
    return {};
}

void dr_command(Turn& t, const Command& command)
{
    State& s = t.s;
    const auto refuse = [&](const std::string& why) {
        t.notify("refused", why);
        t.emit(Reply{command.id, Reply::Kind::refused, why});
    };
    if (command.kind != Command::Kind::rejoin)
        return refuse("this is the dr node: it never takes over by itself and takes no part in a "
                      "swap; `roleswap rejoin` here gives its role back");
    if (s.owed) return refuse("another command is under way; wait for its end");
    if (s.role == Role::master) return give_role_back(t, command);
    if (s.role == Role::standby)
        return t.emit(Reply{command.id, Reply::Kind::done, "this node is a mirror already"});
    const ThirdView* leader = find_leader(s);
    if (s.role != Role::undecided || s.pending) return refuse("this node is busy; try again");
    if (leader == nullptr) return refuse("no node of the pair is heard as master");
    follow_third(t, leader->last.record, "mirrors the pair again, ordered by an operator");
    t.emit(Reply{command.id, Reply::Kind::done, "this node mirrors the pair"});
}

std::string why_waiting_dr(const State& s)
{
    if (s.role == Role::claiming && !s.claim_leads)
        return "waits until every node of the pair that is heard knows that this one leads";
    if (s.role != Role::undecided) return {};
    if (s.record.epoch > 0 && s.record.master == Node::dr)
        return "this dr node was activated and will lead again";
    if (find_leader(s) == nullptr) return "no node of the pair is heard as master";
    return mirrors(s.record) ? std::string{}
                             : "this dr node led an older epoch than the pair has now; `roleswap "
                               "rejoin` here makes it a mirror again";
}

} // namespace roleswap::core
