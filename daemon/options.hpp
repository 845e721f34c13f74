#pragma once
#include "instance.hpp"

namespace roleswap::daemon {

/// From the configuration to what each part is told.
link::Options link_options(const Setup& setup, std::uint64_t boot);
store::Options store_options(const Setup& setup);
run::ExecutorSettings executor_settings(const Setup& setup);
work::Settings work_settings(const Setup& setup, const std::string& conninfo);
core::Settings core_settings(const Setup& setup, std::uint64_t boot);

} // namespace roleswap::daemon
