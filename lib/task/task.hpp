#pragma once
#include "base/seldom.hpp"
#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace roleswap::task {

using base::Seldom;
using std::chrono::milliseconds;

/// What happens when a due time comes while an earlier run of the task is not over.
enum class Overlap : std::uint8_t { skip, queue, parallel };
/// Which due times are made up that passed while nobody could run them.
enum class CatchUp : std::uint8_t { none, last, all };
/// What happens to a run whose end is unknown because its node died.
enum class AfterCrash : std::uint8_t { rerun, hold };
/// What a run of the task is.
enum class TaskKind : std::uint8_t {
    command, ///< a process
    noop,    ///< nothing: it is claimed and ends; for measurements, and as a mark in time
};
/// What a planned swap does with a running task.
enum class OnSwap : std::uint8_t { wait, move };

std::string_view to_string(Overlap value);
std::string_view to_string(CatchUp value);
std::string_view to_string(AfterCrash value);
std::string_view to_string(OnSwap value);
std::string_view to_string(TaskKind value);

/// The value of one field of a task, free of any file format.  monostate is an empty optional.
using FieldValue = std::variant<std::monostate, bool, std::int64_t, std::string, milliseconds,
                                std::vector<std::string>, std::map<std::string, std::string>>;

/// What one node does otherwise: values of bindable fields by their names; see binding.hpp.
using Binding = std::map<std::string, FieldValue>;

/// What a task leaves open ([work] of the configuration).
struct Defaults {
    CatchUp catch_up = CatchUp::last;
    std::uint32_t catch_up_limit = 100; ///< runs, 1 to 10 000
    milliseconds late_limit{60'000};    ///< up to 1 h; missed by less is run late in any case
    std::string timezone;               ///< IANA name; empty: the system's
    bool operator==(const Defaults&) const = default;
};

/// The definition of a task, as it stands in a file, in the store and on the bus.  A master holds
/// all of them, perhaps a hundred thousand.
struct Task {
    std::string name;                        ///< [A-Za-z0-9._-]{1,64}
    std::string schedule;                    ///< text for parse_schedule
    Seldom<std::string> timezone;            ///< IANA name; empty: the default of the pair
    Seldom<std::vector<std::string>> except; ///< dates without due times, for Exclusions::parse
    Seldom<std::vector<std::string>> after;  ///< tasks after whose ends it runs; see after.hpp
    milliseconds jitter{0};                  ///< a run starts up to so much after its due time
    TaskKind kind = TaskKind::command;       ///< of a noop neither command nor argv is there
    std::string command;           ///< run by `shell`; exactly one of command and argv is there
    std::vector<std::string> argv; ///< run without a shell
    std::string shell = "/bin/sh";
    std::string user;                        ///< empty: the user of the daemon
    Seldom<std::string> group;               ///< empty: the first group of the user
    Seldom<std::vector<std::string>> groups; ///< supplementary ones besides those of the user
    Seldom<std::string> directory;           ///< empty: the home of the user
    Seldom<std::map<std::string, std::string>> environment;
    std::optional<std::uint32_t> umask; ///< 0 to 0777
    Seldom<std::string> input;          ///< what the command reads from standard input
    Seldom<std::string> output_max;     ///< size, then it is killed; empty: no limit
    bool journal = true;                ///< its output goes to the journal line by line
    Seldom<std::map<std::string, std::string>> rlimit;  ///< see confinement.hpp
    bool unit = false;                                  ///< runs in a transient unit of systemd
    Seldom<std::map<std::string, std::string>> sandbox; ///< this and the next five need such a unit
    Seldom<std::string> memory_max;                     ///< size; empty: no limit
    Seldom<std::string> cpu_quota;                      ///< "150%"; empty: no limit
    std::uint32_t cpu_weight = 0;                       ///< 1 to 10 000; 0: as any other
    std::uint32_t io_weight = 0;                        ///< the same
    std::uint32_t tasks_max = 0; ///< processes and threads; 0: systemd's default
    std::string queue = "default";
    int priority = 0; ///< -100 to 100: of its waiting runs, highest first
    bool enabled = true;
    milliseconds timeout{0}; ///< 0: none
    std::uint32_t retries = 0;
    milliseconds retry_delay{10'000};
    Overlap overlap = Overlap::skip;
    std::optional<CatchUp> catch_up; ///< this and the next two: empty = default of the pair
    std::optional<std::uint32_t> catch_up_limit;
    std::optional<milliseconds> late_limit;
    AfterCrash after_crash = AfterCrash::rerun;
    OnSwap on_swap = OnSwap::wait;
    Seldom<std::string> mail_to;                 ///< empty: no mail
    Seldom<std::vector<std::string>> needs;      ///< paths that must be there where it runs
    Seldom<std::map<std::string, Binding>> node; ///< by the name of the node
    Seldom<std::string> backup_of; ///< of a backup task: the primary it stands in for; empty: none
    Seldom<std::string> backup_on; ///< the node on which it does; empty when backup_of is
    Seldom<std::string> description;
    bool operator==(const Task&) const = default;
};

/// [A-Za-z0-9._-]{1,64}: names of tasks and queues.
bool is_valid_name(std::string_view name);

/// Reads `[[task]]` tables.  Throws FileError at the first fault; names are unique within the file,
/// schedules and time zones are valid.
std::vector<Task> parse_tasks(std::string_view text, std::string_view path);
/// The same, with the place of `after` in each, or of its table where it has none: whether there
/// are the tasks it names is not known here.
struct PlacedTask {
    Task task;
    unsigned line = 1;
    unsigned column = 1;
};
std::vector<PlacedTask> parse_placed_tasks(std::string_view text, std::string_view path);
/// The text that parse_tasks reads back to the same tasks, only what differs from the default.
std::string export_tasks(std::span<const Task> tasks);

/// Every field under its name; durations as integers named *_ms, empty optionals as null, umask as
/// octal text.
nlohmann::json to_json(const Task& task);
/// The reverse; fields may be missing (default) except name, one of schedule and after, and one of
/// command and argv.
/// Throws Error on unknown fields, wrong types, ranges, bad schedules and zones.
Task from_json(const nlohmann::json& object);

} // namespace roleswap::task
