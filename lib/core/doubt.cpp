#include "core/doubt.hpp"
#include "core/turn.hpp"

namespace roleswap::core {
namespace {

/// Without force the same would have been done at once, and would have been safe: nobody can have
/// gone on without this node.  What the witness knows is not asked where force is used.
bool holds_everything(const State& s)
{
    if (!activate_refusal(s, Command::Kind::activate).empty()) return false;
    return s.role == Role::undecided || !s.settings.witness;
}

} // namespace

Epoch doubt_of(const State& before, const Input& input, const Record& next, Epoch kept)
{
    if (next.master != before.settings.self) return 0;
    const auto* command = std::get_if<Command>(&input);
    const bool forced = command != nullptr && command->kind == Command::Kind::activate_force;
    if (!forced || next.epoch <= before.record.epoch) return kept;
    return holds_everything(before) ? kept : next.epoch;
}

} // namespace roleswap::core
