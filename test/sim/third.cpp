#include "trace.hpp"
#include "world.hpp"
#include <algorithm>
#include <utility>

/// Witness and fence.
namespace roleswap::sim {

using Says = core::WitnessAnswer::Kind;

/// Counts what stands in the way.
bool World::reaches_witness(unsigned n)
{
    if (broken(Fault::witness_dead)) return happened(Fault::witness_dead), false;
    if (broken(Fault::witness_cut, n)) return happened(Fault::witness_cut), false;
    return true;
}

/// A few milliseconds; when it is slow, longer than a question waits.
Micros World::way_to_witness()
{
    const Micros usual = rng_.between(50, 2000);
    if (!broken(Fault::witness_slow)) return usual;
    const Micros more = rng_.below(settings_.takeover_delay * ms / (rng_.chance(300) ? 1 : 8));
    if (more > 10 * ms) happened(Fault::witness_slow);
    return usual + more;
}

/// Read, judge, put what is judged if nothing was put meanwhile.  Several readings of one question
/// may be under way, as with several endpoints.
void World::ask_witness(unsigned n, const core::WitnessAsk& ask)
{
    SimNode& node = nodes_[n];
    node.question = ask.ticket;
    const Question question{n, node.generation, ask, {}};
    read_witness(question);
    if (rng_.chance(150)) later(rng_.below(30) * ms, [this, question] { read_witness(question); });
    later(settings_.takeover_delay * ms / 5,
          [this, question] { witness_answers(question, Says::unreachable); });
}

void World::read_witness(const Question& question)
{
    if (!reaches_witness(question.n)) {
        if (rng_.chance(500)) witness_answers(question, Says::unreachable); // refused at once
        return;
    }
    later(way_to_witness(), [this, question = question]() mutable {
        if (!reaches_witness(question.n)) return;
        question.read = register_;
        later(way_to_witness(), [this, question] {
            const SimNode& node = nodes_[question.n];
            if (!node.alive || node.generation != question.generation) return;
            if (reaches_witness(question.n)) act(question.n, [this, question] { judge(question); });
        });
    });
}

void World::judge(const Question& question)
{
    if (nodes_[question.n].question != question.ask.ticket) return;
    const auto& found = question.read.verdict;
    if (!found) {
        happened(Fault::witness_wiped);
        return witness_answers(question, Says::wiped);
    }
    const core::WitnessAsk& ask = question.ask;
    if (found->master != ask.value.master && core::older(ask.seen, *found))
        return witness_answers(question, Says::refused);
    later(way_to_witness(), [this, question] { put(question); });
}

/// What was sent arrives, whoever waits for it still.
void World::put(const Question& question)
{
    if (!reaches_witness(question.n)) return;
    if (register_.revision != question.read.revision) return read_witness(question);
    const core::Verdict& value = question.ask.value;
    if (core::older(*register_.verdict, value)) register_.verdict = value;
    register_.revision++;
    Question answered = question;
    answered.read = register_;
    later(way_to_witness(), [this, answered] {
        if (reaches_witness(answered.n)) witness_answers(answered, Says::granted);
    });
}

void World::witness_answers(const Question& question, Says kind)
{
    const SimNode& node = nodes_[question.n];
    if (!node.alive || node.generation != question.generation) return;
    const core::WitnessAnswer answer{question.ask.ticket, kind,
                                     question.read.verdict.value_or(core::Verdict{})};
    act(question.n, [this, n = question.n, answer] { end_question(n, answer); });
}

void World::end_question(unsigned n, const core::WitnessAnswer& answer)
{
    if (nodes_[n].question != answer.ticket) return;
    nodes_[n].question = 0;
    outcome_.granted += answer.kind == Says::granted;
    outcome_.refused += answer.kind == Says::refused;
    step(n, answer);
}

/// An operator gives it a new one, from the master, sooner or later or never.
void World::wipe_witness()
{
    register_.verdict.reset();
    register_.revision++;
    if (options_.trace) note(0, "*", "the witness loses its memory");
    later(rng_.between(100, 4000) * ms, [this] { init_witness(); });
}

void World::init_witness()
{
    if (register_.verdict) return;
    const bool wanted = had(Fault::witness_wiped) && (!operator_absent_ || !healed_ || !had_all());
    for (unsigned n = 0; n < 2 && wanted; ++n) {
        const SimNode& node = nodes_[n];
        const bool reaches = !broken(Fault::witness_dead) && !broken(Fault::witness_cut, n);
        if (!node.alive || node.frozen || node.core.role != core::Role::master || !reaches)
            continue;
        const core::Record& record = node.core.record;
        register_.verdict = {record.epoch, record.round, node.core.settings.self};
        register_.revision++;
        return;
    }
    later(50 * ms, [this] { init_witness(); });
}

/// Off, then "status" until it says off.
void World::fence_peer(unsigned n, std::uint64_t ticket)
{
    using Fenced = core::FenceAnswer::Kind;
    nodes_[n].fence_ticket = ticket;
    const Micros delay = settings_.takeover_delay * ms;
    if (broken(Fault::fence_refusal)) {
        happened(Fault::fence_refusal);
        return input(n, now_ + rng_.between(1, 100) * ms,
                     core::FenceAnswer{ticket, Fenced::failed});
    }
    const bool times_out = broken(Fault::fence_time_out);
    if (times_out) happened(Fault::fence_time_out);
    const Micros took = times_out ? rng_.between(delay, 3 * delay) : rng_.between(20 * ms, delay);
    // An agent that is killed may have told the device before.
    const bool told = rng_.chance(500);
    if (!times_out || rng_.chance(500))
        later(took - rng_.between(1, 15) * ms, [this, n, ticket, told] {
            if (told || nodes_[n].fence_ticket == ticket) switch_off(1 - n);
        });
    const Fenced kind = times_out ? Fenced::failed : Fenced::confirmed;
    later(took, [this, n, ticket, kind] {
        if (nodes_[n].fence_ticket != ticket) return;
        input(n, now_, core::FenceAnswer{ticket, kind});
    });
}

/// As the driver does: what the core does not wait for any more is given up.
void World::withdraw_fence(unsigned n)
{
    SimNode& node = nodes_[n];
    const auto& asking = node.core.asking;
    const bool wanted =
        asking && asking->whom == core::Asking::Whom::fence && asking->ticket == node.fence_ticket;
    if (!wanted) node.fence_ticket = 0;
}

/// Until somebody switches it on again.
void World::switch_off(unsigned n)
{
    SimNode& node = nodes_[n];
    if (options_.trace) note(n, "*", "is switched off");
    outcome_.switched_off++;
    node.power++;
    if (node.alive) end(n, 0);
    nothing_left(n);
    const Micros delay = settings_.takeover_delay * ms;
    boot_later(n, healed_ ? 100 * ms : rng_.between(delay / 2, 4 * delay));
}

} // namespace roleswap::sim
