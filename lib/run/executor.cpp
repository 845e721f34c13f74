#include "run/executor.hpp"
#include "base/ensure.hpp"
#include "run/child.hpp"
#include "run/direct_run.hpp"
#include "run/leftovers.hpp"
#include "run/spawner.hpp"
#include "run/task_groups.hpp"
#include "run/unit_run.hpp"
#include <csignal>
#include <fmt/format.h>
#include <map>
#include <sys/wait.h>
#include <unistd.h>

namespace roleswap::run {
namespace {

constexpr auto walk_period = std::chrono::milliseconds(10);
constexpr int exit_not_permitted = 126;
/// Of 3000 runs at once, each of which has up to five.
constexpr int descriptors_soon = 16384;

/// The only sure answer to "may this process clone into a cgroup here" is to do it.
void try_clone_into(const Cgroup& root)
{
    const Cgroup probe(root.path() + "/probe");
    probe.remove(); // of a predecessor that died right here
    probe.create();
    const auto folder = probe.open();
    const pid_t pid = clone_process(folder.get());
    if (pid == 0) ::_exit(0);
    const int error = errno;
    if (pid > 0) ::waitpid(pid, nullptr, 0);
    probe.remove();
    if (pid < 0) throw std::system_error(error, std::generic_category(), "clone into a cgroup");
}

} // namespace

class Executor::Impl {
public:
    Impl(event::Loop& loop, ExecutorSettings settings, OnLine on_line)
        : loop_(loop), crowd_(loop), settings_(std::move(settings)), on_line_(std::move(on_line)),
          groups_(loop_, task_root_),
          units_(loop_, find_unit_place(settings_.name), settings_.keeper),
          spawner_(loop_, {settings_.spawner, settings_.spawner_patience, task_root_,
                           settings_.on_spawner_lost}),
          around_{loop_,      crowd_,  settings_,    on_line_,
                  task_root_, groups_, units_,       spawner_,
                  accounts_,  known_,  known_units_, [this](RunId id) { finished(id); }},
          later_(loop_, [this] { deliver(); }), walk_(loop_, [this] { walk(); })
    {
        event::reserve_descriptors(descriptors_soon);
        if (settings_.isolation != Isolation::keeper) find_root();
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl()
    {
        runs_.clear();
        spawner_.end();
        if (task_root_) task_root_->remove();
    }

    void prepare(std::function<void()> on_ready);
    void start(RunSpec spec, OnEnd on_end);
    const LiveRun* find(RunId id) const;
    void watch(RunId id, std::function<void()> on_output);
    bool kill(RunId id);
    void kill_all(std::function<void()> on_dead);
    std::size_t alive() const { return runs_.size(); }
    std::string group() const { return task_root_ ? task_root_->path() : ""; }
    std::string unit_group() const { return units_.place().folder; }
    std::string marker() const
    {
        return fmt::format("{}={}.{}.", marker_name, settings_.name, ::getpid());
    }
    std::string describe() const;

private:
    struct Entry {
        std::unique_ptr<LiveRun> run;
        OnEnd on_end;
    };
    struct NotStarted {
        RunEnd end;
        OnEnd on_end;
    };
    void find_root();
    void end_units();
    bool kill_units();
    void walk();
    void finished(RunId id);
    void deliver();
    void tell_dead();

    event::Loop& loop_;
    event::IoCrowd crowd_;
    ExecutorSettings settings_;
    OnLine on_line_;
    std::optional<Cgroup> task_root_;
    std::string no_cgroup_;
    TaskGroups groups_;
    Units units_;
    Spawner spawner_;
    Accounts accounts_;
    Known known_;
    Known known_units_;
    Surroundings around_;
    std::map<RunId, Entry> runs_;
    std::vector<NotStarted> not_started_;
    std::vector<std::function<void()>> waiting_dead_;
    std::function<void()> on_ready_;
    std::unique_ptr<EmptyWatch> leftovers_;
    std::uint64_t number_ = 0;
    event::Deferred later_;
    event::Timer walk_;
};

void Executor::Impl::find_root()
{
    try {
        auto root = make_task_root(settings_.name);
        try_clone_into(root);
        task_root_ = std::move(root);
    } catch (const std::exception& error) {
        if (settings_.isolation == Isolation::cgroup) throw;
        no_cgroup_ = error.what();
    }
}

void Executor::Impl::prepare(std::function<void()> on_ready)
{
    on_ready_ = std::move(on_ready);
    if (!task_root_) return end_units();
    task_root_->kill();
    leftovers_ = std::make_unique<EmptyWatch>(loop_, *task_root_, [this] { end_units(); });
}

/// Those of the previous daemon.  What systemd may still start of them waits for a plan that
/// nobody has.
void Executor::Impl::end_units()
{
    if (!kill_units()) return walk();
    leftovers_ = std::make_unique<EmptyWatch>(loop_, Cgroup(unit_group()), [this] { walk(); });
}

/// False where there are none.
bool Executor::Impl::kill_units()
{
    const Cgroup slice(unit_group());
    if (unit_group().empty() || !slice.populated()) return false;
    slice.kill_if_there();
    return true;
}

/// Also where there is a cgroup: the previous daemon may have had none.
void Executor::Impl::walk()
{
    if (kill_marked(fmt::format("{}={}.", marker_name, settings_.name)) > 0)
        return walk_.start_in(walk_period);
    if (task_root_) {
        task_root_->remove();
        if (!task_root_->populated() && ::access(task_root_->path().c_str(), F_OK) != 0)
            task_root_->create();
        spawner_.begin();
        groups_.begin();
    }
    leftovers_.reset();
    later_.trigger();
}

void Executor::Impl::start(RunSpec spec, OnEnd on_end)
{
    base::ensure(!runs_.contains(spec.id), "two live runs have the same number");
    const auto id = spec.id;
    try {
        std::unique_ptr<LiveRun> run;
        if (spec.unit)
            run = std::make_unique<UnitRun>(around_, std::move(spec), ++number_);
        else
            run = std::make_unique<DirectRun>(around_, std::move(spec), ++number_);
        runs_.emplace(id, Entry{std::move(run), std::move(on_end)});
    } catch (const std::runtime_error& error) {
        RunEnd end;
        end.id = id;
        end.code = exit_not_permitted;
        end.why = error.what();
        if (const auto* account = dynamic_cast<const AccountError*>(&error))
            end.why += "; " + account->fix;
        end.started_at = end.ended_at = std::chrono::system_clock::now();
        not_started_.push_back({std::move(end), std::move(on_end)});
        later_.trigger();
    }
}

const LiveRun* Executor::Impl::find(RunId id) const
{
    const auto found = runs_.find(id);
    return found == runs_.end() ? nullptr : found->second.run.get();
}

void Executor::Impl::watch(RunId id, std::function<void()> on_output)
{
    if (const auto found = runs_.find(id); found != runs_.end())
        found->second.run->watch(std::move(on_output));
}

bool Executor::Impl::kill(RunId id)
{
    const auto found = runs_.find(id);
    if (found == runs_.end()) return false;
    found->second.run->kill(Killed::by_request);
    return true;
}

void Executor::Impl::kill_all(std::function<void()> on_dead)
{
    waiting_dead_.push_back(std::move(on_dead));
    // All at once, before one by one.  What clones is in there, too, so nothing comes after it.
    groups_.discard();
    if (!runs_.empty()) spawner_.kill();
    if (task_root_ && !runs_.empty()) task_root_->kill();
    if (!runs_.empty()) kill_units();
    for (auto& [id, entry] : runs_) entry.run->kill(Killed::with_all);
    if (runs_.empty()) later_.trigger();
}

void Executor::Impl::finished(RunId id)
{
    const auto node = runs_.extract(id);
    const auto& entry = node.mapped();
    entry.on_end(entry.run->end());
    if (runs_.empty() && !waiting_dead_.empty()) later_.trigger();
}

void Executor::Impl::deliver()
{
    for (auto& [end, on_end] : std::exchange(not_started_, {})) on_end(end);
    if (on_ready_) std::exchange(on_ready_, nullptr)();
    if (runs_.empty()) tell_dead();
}

void Executor::Impl::tell_dead()
{
    for (const auto& on_dead : std::exchange(waiting_dead_, {})) on_dead();
}

std::string Executor::Impl::describe() const
{
    const auto& place = units_.place();
    const auto units = place.why.empty() ? fmt::format("transient units in {}", place.slice)
                                         : fmt::format("no transient units ({})", place.why);
    if (task_root_)
        return fmt::format("own cgroup per run under {}, {}; {}", task_root_->path(),
                           spawner_.describe(), units);
    const auto why = no_cgroup_.empty() ? "as told" : no_cgroup_;
    return fmt::format("keeper process per run, no cgroup ({}); {}", why, units);
}

Executor::Executor(event::Loop& loop, ExecutorSettings settings, OnLine on_line)
    : impl_(std::make_unique<Impl>(loop, std::move(settings), std::move(on_line)))
{
}

Executor::~Executor() = default;

void Executor::prepare(std::function<void()> on_ready)
{
    impl_->prepare(std::move(on_ready));
}

void Executor::start(RunSpec spec, OnEnd on_end)
{
    impl_->start(std::move(spec), std::move(on_end));
}

std::optional<OutputPiece> Executor::output(RunId id, std::uint64_t from,
                                            std::size_t bytes_max) const
{
    const auto* run = impl_->find(id);
    return run == nullptr ? std::nullopt : std::optional(run->output(from, bytes_max));
}

void Executor::watch(RunId id, std::function<void()> on_output)
{
    impl_->watch(id, std::move(on_output));
}

bool Executor::kill(RunId id)
{
    return impl_->kill(id);
}

void Executor::kill_all(std::function<void()> on_dead)
{
    impl_->kill_all(std::move(on_dead));
}

std::size_t Executor::alive() const
{
    return impl_->alive();
}

std::string Executor::group() const
{
    return impl_->group();
}

std::string Executor::unit_group() const
{
    return impl_->unit_group();
}

std::string Executor::marker() const
{
    return impl_->marker();
}

std::string Executor::describe() const
{
    return impl_->describe();
}

} // namespace roleswap::run
