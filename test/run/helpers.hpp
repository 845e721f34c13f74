#pragma once
#include "run/executor.hpp"
#include <map>
#include <string>
#include <vector>

/// An executor on a loop of its own, and what came of its runs.
class World {
public:
    explicit World(roleswap::run::Isolation isolation, std::string name = own_name());
    explicit World(roleswap::run::ExecutorSettings given);
    /// Starts it and returns at once; the end is kept.
    void start(roleswap::run::RunSpec spec);
    /// Runs the loop until this run has ended.
    roleswap::run::RunEnd wait(roleswap::run::RunId id);
    roleswap::run::RunEnd run(roleswap::run::RunSpec spec);
    /// Runs the loop until `text` was a line of output.
    void wait_line(const std::string& text);
    void kill_all();
    void prepare();
    void loop_until(const std::function<bool()>& done);
    static std::string own_name();
    /// Of the usual world; ROLESWAP_KEEPER names the program that starts its runs.
    static roleswap::run::ExecutorSettings usual(roleswap::run::Isolation isolation,
                                                 std::string name = own_name());

    roleswap::event::Loop loop;
    std::vector<std::string> lines;
    std::map<roleswap::run::RunId, roleswap::run::RunEnd> ends;
    roleswap::run::ExecutorSettings settings;
    roleswap::run::Executor executor;
};

/// Processes alive (not zombies) with this word in their environment or arguments.
std::vector<pid_t> processes_with(const std::string& word);
/// Is a cgroup of its own possible here?  Tests of that mode are skipped by name where not.
bool cgroups_work();
/// Can tasks be cloned by the helper?  Not where there is no cgroup, or the test does without it.
bool helped();
/// 0 while there is none.
pid_t helper_of(const World& world);
