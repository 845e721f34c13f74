#include "tree.hpp"
#include <CLI/CLI.hpp>

namespace roleswap::cli {
namespace {

/// What may be given more than once, and the switches.
void add_task_lists(CLI::App& add, TaskOptions& task)
{
    const auto add_list = [&add](const char* option, std::vector<std::string>& list,
                                 const char* what) {
        add.add_option(option, list, what)->take_all()->expected(1)->allow_extra_args(false);
    };
    add_list("--except", task.except, "Date without due times, may be repeated");
    add_list("--after", task.after,
             "Task after whose success it runs, or TASK:any, TASK:failure; may be repeated");
    add_list("--env", task.environment, "NAME=VALUE, may be repeated");
    add_list("--needs", task.needs, "Path that must be there, may be repeated");
    add_list("--groups", task.groups, "Supplementary group, may be repeated");
    add_list("--rlimit", task.rlimit, "Limit of each process, nofile=1024, may be repeated");
    add_list("--sandbox", task.sandbox, "ProtectSystem=strict and its kin, may be repeated");
    add.add_flag("--unit", task.unit, "Run it in a transient unit of systemd");
    add.add_flag("--no-journal", task.no_journal, "Keep its output out of the journal");
}

void add_task_fields(CLI::App& add, TaskOptions& task)
{
    add.add_option("--schedule", task.texts["schedule"],
                   "\"15 3 * * *\", @daily, @reboot, \"every 10s\", \"Mon..Fri 08:00\"");
    add.add_option("--command", task.texts["command"], "Run by the shell");
    for (const auto& [option, field] : std::initializer_list<std::pair<const char*, const char*>>{
             {"--timezone", "timezone"},
             {"--kind", "kind"},
             {"--shell", "shell"},
             {"--user", "user"},
             {"--group", "group"},
             {"--directory", "directory"},
             {"--umask", "umask"},
             {"--input", "input"},
             {"--output-max", "output_max"},
             {"--memory-max", "memory_max"},
             {"--cpu-quota", "cpu_quota"},
             {"--queue", "queue"},
             {"--overlap", "overlap"},
             {"--catch-up", "catch_up"},
             {"--after-crash", "after_crash"},
             {"--on-swap", "on_swap"},
             {"--mail-to", "mail_to"},
             {"--backup-of", "backup_of"},
             {"--backup-on", "backup_on"},
             {"--description", "description"}})
        add.add_option(option, task.texts[field], "See roleswap.toml(5)");
    for (const char* field : {"jitter", "timeout", "retry_delay", "late_limit"}) {
        std::string option = field;
        std::ranges::replace(option, '_', '-');
        add.add_option("--" + option, task.durations[field], "Such as 90s, 5m");
    }
    add.add_option("--priority", task.priority, "-100 to 100, highest first")
        ->check(CLI::Range(-100, 100));
    for (const auto& [field, most] :
         {std::pair{"retries", 1000}, std::pair{"catch_up_limit", 10'000},
          std::pair{"cpu_weight", 10'000}, std::pair{"io_weight", 10'000},
          std::pair{"tasks_max", 1'000'000}}) {
        std::string option = field;
        std::ranges::replace(option, '_', '-');
        task.numbers[field] = -1;
        add.add_option("--" + option, task.numbers[field], "Number")->check(CLI::Range(0, most));
    }
    add_task_lists(add, task);
    add.add_flag("--disabled", task.disabled, "Add it, but do not run it yet");
}

void add_task_next(CLI::App& task, Values& values)
{
    auto* next = task.add_subcommand("next", "What is due next");
    auto* name = next->add_option("name", values.next.name, "Only of this task");
    auto* schedule = next->add_option("--schedule", values.next.schedule,
                                      "Of this text, which is no task yet; needs no daemon");
    schedule->excludes(name);
    next->add_option("--timezone", values.next.timezone, "Zone of --schedule, IANA name")
        ->needs(schedule);
    next->add_option("--except", values.next.except, "Date without due times, may be repeated")
        ->needs(schedule)
        ->take_all()
        ->expected(1)
        ->allow_extra_args(false);
    next->add_option("--from", values.next.from,
                     "After this time in UTC, 2026-03-29T00:00:00Z, or from this date on")
        ->needs(schedule);
    auto* count = next->add_option("-n,--count", values.next.count, "So many; of all tasks: all")
                      ->check(CLI::Range(1, 1000))
                      ->capture_default_str();
    next->callback([&values, count] {
        if (count->count() > 0) values.next.all_max = values.next.count;
        values.result = task_next(values.context, values.next);
    });
}

Follow follow_of(const Values& values)
{
    return values.follow ? Follow::yes : Follow::no;
}

void add_task(CLI::App& app, Values& values)
{
    auto* task = app.add_subcommand("task", "Tasks of the pair")->group(work_group);
    task->require_subcommand(1);
    auto* list = task->add_subcommand("list", "All tasks");
    list->callback([&] { values.result = task_list(values.context); });
    auto* add = task->add_subcommand("add", "Add a task");
    add->add_option("name", values.task.name, "Name")->required();
    add_task_fields(*add, values.task);
    values.after_dashes[add] = &values.task.argv;
    add->footer("After --: program and arguments, run without a shell.");
    add->callback([&] { values.result = task_add(values.context, values.task); });
    auto* show = task->add_subcommand("show", "One task, all fields");
    show->add_option("name", values.name, "Name")->required();
    show->callback([&] { values.result = task_show(values.context, values.name); });
    add_task_next(*task, values);
    for (const auto& [action, what] : std::initializer_list<std::pair<const char*, const char*>>{
             {"remove", "Remove it; its runs stay in the history"},
             {"enable", "Let it run again"},
             {"disable", "Keep it, but do not run it"}}) {
        auto* command = task->add_subcommand(action, what);
        command->add_option("name", values.name, "Name")->required();
        command->callback([&values, verb = std::string("task_") + action] {
            values.result = task_change(values.context, verb, values.name);
        });
    }
    auto* run = task->add_subcommand("run", "Run it once, now");
    run->add_option("name", values.name, "Name")->required();
    run->add_flag("--follow", values.follow, "Show its output until it is over");
    run->callback(
        [&] { values.result = task_run(values.context, values.name, follow_of(values)); });
}

void add_run_output(CLI::App& run, Values& values)
{
    auto* output = run.add_subcommand("output", "What it has put out");
    output->callback([&] { values.result = run_output(values.context, values.output); });
    auto* follow = run.add_subcommand("follow", "What it puts out, live, until it is over");
    follow->callback([&] { values.result = run_follow(values.context, values.output); });
    for (CLI::App* command : {output, follow}) {
        command->add_option("run", values.output.run, "Run, or a task: its newest run")->required();
        command->add_option("-n,--tail", values.output.tail, "Only so many lines to begin with")
            ->check(CLI::Range(0, 1'000'000'000));
    }
}

void add_run(CLI::App& app, Values& values)
{
    auto* run = app.add_subcommand("run", "Runs of tasks")->group(work_group);
    run->require_subcommand(1);
    auto* list = run->add_subcommand("list", "The newest runs");
    list->add_option("--task", values.runs.task, "Only of this task");
    list->add_option("--state", values.runs.state, "Only in this state");
    list->add_option("-n,--limit", values.runs.limit, "So many")->check(CLI::Range(1, 1000));
    list->callback([&] { values.result = run_list(values.context, values.runs); });
    auto* show = run->add_subcommand("show", "One run with its output");
    show->add_option("id", values.id, "Run")->required();
    show->callback([&] { values.result = run_show(values.context, values.id); });
    add_run_output(*run, values);
    auto* kill = run->add_subcommand("kill", "Kill all its processes");
    kill->add_option("id", values.id, "Run")->required();
    kill->add_option("--reason", values.reason, "Recorded with who did it");
    kill->callback([&] { values.result = run_kill(values.context, values.id, values.reason); });
    auto* again = run->add_subcommand("again", "Repeat a run that is over, as a new one");
    again->add_option("id", values.id, "Run")->required();
    again->add_flag("--follow", values.follow, "Show its output until it is over");
    again->callback(
        [&] { values.result = run_again(values.context, values.id, follow_of(values)); });
}

void add_files(CLI::App& app, Values& values)
{
    auto* apply =
        app.add_subcommand("apply", "Add and change tasks as a TOML file says")->group(work_group);
    apply->add_option("file", values.path, "File, or - for standard input")->required();
    apply->add_flag("--dry-run", values.dry_run, "Only say what would change");
    apply->add_flag("--remove-others", values.remove_others,
                    "Remove the tasks that the file lacks");
    apply->callback([&] {
        values.result =
            cli::apply(values.context, values.path, {values.dry_run, values.remove_others});
    });
    auto* diff =
        app.add_subcommand("diff", "What apply would change, field by field")->group(work_group);
    diff->add_option("file", values.path, "File, or - for standard input")->required();
    diff->add_flag("--remove-others", values.remove_others, "Also tasks that the file lacks");
    diff->callback([&] {
        values.result = cli::diff(values.context, values.path, {true, values.remove_others});
    });
    auto* out = app.add_subcommand("export", "All tasks as a TOML file")->group(work_group);
    out->add_option("task", values.words, "Only these tasks");
    out->callback([&] { values.result = export_tasks(values.context, values.words); });
    auto* import =
        app.add_subcommand("import", "Take over tasks from elsewhere")->group(work_group);
    import->require_subcommand(1);
    auto* crontab = import->add_subcommand("crontab", "From crontabs");
    crontab->add_option("file", values.import.files, "Files, or -")->required();
    crontab->add_option("--user", values.import.user, "They are crontabs of this user");
    crontab->add_flag("--system", values.import.system, "They have a user column, as /etc/crontab");
    crontab->add_flag("--dry-run", values.import.dry_run, "Only say what would change");
    crontab->callback([&] { values.result = import_crontab(values.context, values.import); });
}

void add_queue(CLI::App& app, Values& values)
{
    auto* queue = app.add_subcommand("queue", "Queues of runs")->group(work_group);
    queue->require_subcommand(1);
    auto* list = queue->add_subcommand("list", "All queues");
    list->callback([&] { values.result = queue_list(values.context); });
    auto* hold = queue->add_subcommand("hold", "Start nothing more from it");
    hold->add_option("--reason", values.queue.reason, "Shown wherever the queue is");
    hold->add_flag("--save", values.queue.keep, "Remember which were held before");
    hold->callback([&] { values.result = queue_hold(values.context, values.queue); });
    auto* release = queue->add_subcommand("release", "Let it go on");
    release->add_flag("--restore", values.queue.keep, "Only what hold --save found released");
    release->callback([&] { values.result = queue_release(values.context, values.queue); });
    for (CLI::App* command : {hold, release}) {
        command->add_option("name", values.queue.name, "Queue");
        command->add_flag("--all", values.queue.all, "All queues");
    }
}

void add_queue_set(CLI::App& app, Values& values)
{
    auto* set = app.get_subcommand("queue")->add_subcommand("set", "Limit what runs at once");
    set->add_option("name", values.name, "Queue")->required();
    set->add_option("--concurrency", values.concurrency, "So many runs; 0: no limit")
        ->required()
        ->check(CLI::Range(0, 100'000));
    set->callback(
        [&] { values.result = queue_set(values.context, values.name, values.concurrency); });
    auto* remove = app.get_subcommand("queue")->add_subcommand("remove", "Remove an unused one");
    remove->add_option("name", values.name, "Queue")->required();
    remove->callback([&] { values.result = queue_remove(values.context, values.name); });
}

void add_scheduler(CLI::App& app, Values& values)
{
    auto* scheduler = app.add_subcommand("scheduler", "What makes due runs")->group(work_group);
    scheduler->require_subcommand(1);
    for (const char* action : {"stop", "start"}) {
        auto* command = scheduler->add_subcommand(
            action, action == std::string_view("stop") ? "Make no more" : "Go on");
        command->add_option("--reason", values.reason, "Shown in status");
        command->callback([&values, action] {
            values.result = cli::scheduler(values.context, action, values.reason);
        });
    }
    auto* drain = app.add_subcommand("drain", "Wait until no task runs")->group(work_group);
    drain->add_option("--timeout", values.timeout, "At most so long")->capture_default_str();
    drain->callback([&] { values.result = cli::drain(values.context, values.timeout); });
}

void add_choice(CLI::App& command, HistoryOptions& options)
{
    command.add_option("entry", options.id, "Number of one entry");
    command.add_option("--task", options.task, "All runs of this task");
    command.add_flag("--all", options.all, "All that are undecided");
}

void add_history(CLI::App& app, Values& values)
{
    auto* history = app.add_subcommand("history", "What a returning old master had done alone");
    history->group(work_group)->require_subcommand(1);
    auto* list = history->add_subcommand("list", "What waits for a decision");
    list->add_option("--state", values.history.state,
                     "undecided, accepted, dismissed, recorded or all")
        ->capture_default_str();
    list->add_option("--task", values.history.task, "Only of this task");
    list->add_option("-n,--limit", values.history.limit, "So many")->check(CLI::Range(1, 10'000));
    list->callback([&] { values.result = history_list(values.context, values.history); });
    auto* show = history->add_subcommand("show", "One entry, with the output of the run");
    show->add_option("entry", values.id, "Its number")->required();
    show->callback([&] { values.result = history_show(values.context, values.id); });
    auto* accept = history->add_subcommand("accept", "Make them part of the runs");
    add_choice(*accept, values.history);
    accept->callback(
        [&] { values.result = history_decide(values.context, "history_accept", values.history); });
    auto* dismiss = history->add_subcommand("dismiss", "Leave them in the server history");
    add_choice(*dismiss, values.history);
    dismiss->callback(
        [&] { values.result = history_decide(values.context, "history_dismiss", values.history); });
}

} // namespace

void add_work_commands(CLI::App& app, Values& values)
{
    add_task(app, values);
    add_run(app, values);
    add_files(app, values);
    add_queue(app, values);
    add_queue_set(app, values);
    add_scheduler(app, values);
    add_history(app, values);
}

} // namespace roleswap::cli
