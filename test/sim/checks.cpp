#include "trace.hpp"
#include "world.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::sim {

/// The store of node `n` could tell a client "committed" now.
bool World::able(unsigned n) const
{
    const Store& store = nodes_[n].store;
    if (store.state != Store::State::primary || store.frozen) return false;
    return !store.sync || nodes_[1 - n].store.streaming;
}

void World::check()
{
    if (able(0) && able(1)) return violate("I1: two stores can acknowledge");
    if (nodes_[0].tasks && nodes_[1].tasks) {
        if (!nodes_[0].excused && !nodes_[1].excused)
            return violate("I3: task processes on both nodes");
        outcome_.frozen_overlaps++;
    }
    for (unsigned n = 0; n < 2; ++n) {
        const SimNode& node = nodes_[n];
        if (!node.alive || node.core.role != core::Role::undecided) continue;
        if (node.tasks) return violate("I5: an undecided node has task processes");
        if (node.store.state == Store::State::primary)
            return violate("I5: an undecided node has a primary store");
    }
}

void World::check_written(unsigned n, const core::Record& record)
{
    if (record.epoch < nodes_[n].disk.epoch)
        return violate("I4: the epoch on a disk went backward");
    nodes_[n].written.push_back(record);
    if (record.epoch == 0) return;
    const auto [known, fresh] = masters_.emplace(record.epoch, record.master);
    if (!fresh && known->second != record.master)
        violate(fmt::format("I4: epoch {} has two masters", record.epoch));
}

void World::check_sent(unsigned n, const core::Message& message)
{
    const auto& written = nodes_[n].written;
    if (std::find(written.rbegin(), written.rend(), message.record) == written.rend())
        violate("I4: a record was told that is not on the disk: " + describe(message.record));
}

void World::violate(const std::string& what)
{
    if (!outcome_.violation.empty()) return;
    outcome_.violation = fmt::format("at {:.3f} s: {}", double(now_) / double(second), what);
    if (options_.trace) note(0, "!", what);
}

bool World::converged() const
{
    for (unsigned n = 0; n < 2; ++n) {
        const core::State& master = nodes_[n].core;
        const core::State& standby = nodes_[1 - n].core;
        if (!nodes_[0].alive || !nodes_[1].alive) return false;
        if (master.role == core::Role::master && standby.role == core::Role::standby &&
            standby.in_sync && master.record.mode == core::Mode::mirrored && !master.suspended &&
            nodes_[n].tasks && able(n) && !able(1 - n))
            return true;
    }
    return false;
}

void World::note(unsigned n, const char* sign, const std::string& text)
{
    outcome_.trace += fmt::format("{:>9.3f} {} {} {}\n", double(now_) / double(ms),
                                  n == 0 ? "first " : "second", sign, text);
}

} // namespace roleswap::sim
