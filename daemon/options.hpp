#pragma once
#include "instance.hpp"
#include <optional>

namespace roleswap::daemon {

/// From the configuration to what each part is told.
link::Options link_options(const Setup& setup, std::uint64_t boot, core::Node to);
run::ExecutorSettings executor_settings(const Setup& setup, std::function<bool()> too_late,
                                        std::function<void(const std::string&)> on_spawner_lost);
/// Where the tasks have a cgroup the store gets one beside theirs.
store::Options store_options(const Setup& setup, const run::Executor& executor);
guard::Settings guard_settings(const Setup& setup, const run::Executor& executor);
/// Where the cluster of this node is, which programs it uses.  Throws std::runtime_error with what
/// is missing and the remedy.
void find_store(Setup& setup);
work::Settings work_settings(const Setup& setup, const std::string& conninfo);
/// Reads the files that the witness needs.  Throws std::runtime_error with path and remedy.
std::optional<witness::Options> witness_options(const config::Config& config);
/// Empty: none is configured.
std::optional<fence::Options> fence_options(const Setup& setup);
/// Links of the store to a node, from indexes of what its transport calls live: serial ones carry
/// no store.
std::vector<std::size_t> networks_of(const Setup& setup, core::Node to,
                                     const std::vector<std::size_t>& links);
core::Settings core_settings(const Setup& setup, std::uint64_t boot);

} // namespace roleswap::daemon
