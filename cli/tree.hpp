#pragma once
#include "commands.hpp"
#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace roleswap::cli {

/// Parses the command line and runs the command; returns the exit code.  Throws as the commands do.
int run(int argc, char** argv);

/// The heading in --help of what is about tasks, runs and queues.
inline constexpr const char* work_group = "Work";

/// What the options of all commands are read into; outlives the tree.
struct Values {
    Context context;
    int result = exit_ok; ///< of the command that ran
    bool bar = false;
    bool force = false;
    bool dry_run = false;
    bool mermaid = false;
    bool remove_others = false;
    bool follow = false;
    unsigned concurrency = 0;
    pid_t owner = 0;
    std::string name, id, kind, role, reason, why, outcome, path, timeout = "60s";
    std::vector<std::string> arguments; ///< of a runbook
    std::vector<std::string> words;
    /// Where a command wants what comes after "--", word by word.
    std::map<const CLI::App*, std::vector<std::string>*> after_dashes;
    EventsOptions events;
    PendingOptions pending;
    WaitOptions wait;
    ActivateOptions activate;
    FenceOptions fence;
    StepOptions step;
    TaskOptions task;
    NextOptions next;
    RunListOptions runs;
    OutputOptions output;
    ImportOptions import;
    QueueOptions queue;
    HeldOptions held;
    InitOptions init;
    JoinOptions join;
    HistoryOptions history;
    MemoryListOptions memory;
    ResolveOptions resolve;
    EachOptions each;
    AgentOptions agent;
};

/// Adds commands to `app`.  The chosen one runs while the command line is parsed.
void add_look_commands(CLI::App& app, Values& values);
void add_role_commands(CLI::App& app, Values& values);
void add_work_commands(CLI::App& app, Values& values);
void add_held_commands(CLI::App& app, Values& values);
void add_memory_commands(CLI::App& app, Values& values);
void add_agent_commands(CLI::App& app, Values& values);
void add_setup_commands(CLI::App& app, Values& values);

/// One sentence about the first word of the command line that is no command or no option, with the
/// nearest one that is; empty when all words are known.
std::string unknown_word(const CLI::App& app, const std::vector<std::string>& words);
/// What may come after `words`, the last of which is begun: for the shell's completion.
std::vector<std::string> completions(const CLI::App& app, const std::vector<std::string>& words);

} // namespace roleswap::cli
