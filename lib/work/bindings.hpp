#pragma once
#include "run/spec.hpp"
#include "task/task.hpp"
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace roleswap::work {

/// A task that could not run on this node as it is, or that says something that does not hold.
struct Unready {
    std::string task;
    std::string what;  ///< "needs /dev/ttyS1", "backup of \"panel\""
    std::string value; ///< what is the matter
    std::string fix;
    bool operator==(const Unready&) const = default;
};

/// What the enabled tasks need of this node.  Tasks that need the same are looked at once, so that
/// a hundred thousand of them cost little.  No clock, no store.
class Bindings {
public:
    /// `nodes`: all of the pair; `node` is one of them.
    Bindings(std::string node, std::vector<std::string> nodes);

    /// `count` tasks, `task` the first of them, that are the same on each node.
    void add_alike(const std::string& task, std::uint64_t count, const task::Task& needs);
    /// All tasks that a node has values of its own for, all backup tasks, and their primaries.
    void add_bound(const std::vector<task::Task>& tasks);

    struct Report {
        std::string trouble{};     ///< why nothing is known; empty: all is
        std::uint64_t tasks = 0;   ///< enabled ones
        std::uint64_t unready = 0; ///< of them; definitions that do not hold not counted
        std::vector<Unready> list; ///< one for each thing that is wrong, the first hundred
        bool operator==(const Report&) const = default;
    };
    /// Looks at accounts, folders, programs and devices of this machine: some milliseconds for
    /// each hundred different ones.
    Report judge() const;

private:
    struct Need {
        run::RunSpec spec;
        std::string task; ///< the first of them
        std::uint64_t count = 0;
    };
    using All = std::map<std::string, const task::Task*>;
    void add_backup(const task::Task& backup, const All& all);
    void fault(const std::string& task, std::string what, std::string value, std::string fix);

    std::string node_;
    std::vector<std::string> nodes_;
    std::map<std::string, Need> needs_;
    std::map<std::string, task::Task> stand_ins_; ///< on this node, by primary
    std::vector<Unready> faults_; ///< of the definitions, told by the first node of the pair
};

} // namespace roleswap::work
