#pragma once
#include "run/spec.hpp"
#include <string>
#include <vector>

namespace roleswap::run {

/// What would keep a run from being started on this machine, seen without starting it.
struct Obstacle {
    std::string what;  ///< "user \"alarm\"", "directory /srv/x", "needs /dev/ttyS1"
    std::string value; ///< what is the matter: "No such file or directory"
    std::string fix;   ///< what to do about it
};

/// Account, directory, program or shell, its transient unit, and what it needs; empty when it can
/// be started.  Of the command of a shell nothing is known.
std::vector<Obstacle> obstacles(const RunSpec& spec);

/// Of these only what concerns its transient unit; empty where it needs none.
std::vector<Obstacle> unit_obstacles(const RunSpec& spec);

/// The first of `spec.needs` that is not there, as a sentence; empty when all are.
std::string missing_need(const RunSpec& spec);

} // namespace roleswap::run
