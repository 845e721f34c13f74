#pragma once
#include "announcer.hpp"
#include "options.hpp"
#include "work/binding_watch.hpp"
#include <nlohmann/json.hpp>

namespace roleswap::daemon {

/// What the tasks need of a node and do not find there: shown, and no more.  While the master is
/// well nobody is woken because a port of the standby is missing.
work::BindingWatch::Settings binding_settings(const Setup& setup, const std::string& conninfo);

/// Events tasks_unready and tasks_ready.
void announce_readiness(Announcer& announcer, const work::BindingWatch::Report& report);

/// {"tasks","unready","trouble","list":[{"task","what","value","fix"}]}
nlohmann::json readiness_json(const work::BindingWatch::Report& report);

/// One warning of status for a node of which `object` is the readiness_json; empty: all well.
std::string readiness_warning(const std::string& node, const nlohmann::json& object);

} // namespace roleswap::daemon
