#include "event/heap.hpp"
#include "work/engine_impl.hpp"
#include <array>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace roleswap::work {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
constexpr std::size_t bulk_tasks = 1000;
constexpr auto tidy_after = 2s;

std::string read_file(const char* path)
{
    const event::UniqueFd file(event::check(::open(path, O_RDONLY | O_CLOEXEC), path));
    std::array<char, 4096> text{};
    const auto got = ::read(file.get(), text.data(), text.size());
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

/// proc(5), /proc/PID/stat: field 22, counted after the name, which ends with the last ')'.
std::string start_time_of_init()
{
    const auto text = read_file("/proc/1/stat");
    auto at = text.rfind(')');
    for (int field = 3; field <= 22 && at != std::string::npos; ++field)
        at = text.find(' ', at + 1);
    return at == std::string::npos ? "0" : text.substr(at + 1, text.find(' ', at + 1) - at - 1);
}

task::CatchUp catch_up_of(const std::string& text)
{
    for (const auto value : {task::CatchUp::none, task::CatchUp::last, task::CatchUp::all})
        if (task::to_string(value) == text) return value;
    throw std::invalid_argument("catch_up is \"" + text + "\"; allowed: none, last, all");
}

task::Defaults make_defaults(const Settings& settings)
{
    task::Defaults defaults;
    defaults.catch_up = catch_up_of(settings.catch_up);
    defaults.catch_up_limit = static_cast<std::uint32_t>(settings.catch_up_limit);
    defaults.late_limit = settings.late_limit;
    defaults.timezone = settings.timezone;
    return defaults;
}

} // namespace

Engine::Impl::Impl(event::Loop& loop, run::Executor& executor, Settings settings, Host host)
    : loop_(loop), executor_(executor), settings_(std::move(settings)), host_(std::move(host)),
      defaults_(make_defaults(settings_)), outages_(settings_.hold_after_outage),
      planner_(loop, [this](const std::set<std::string>& names) { look(names); }),
      starter_(
          loop, [this] { start_some(); }, event::Priority::low),
      dispatcher_(loop, [this] { dispatch(); }),
      early_timer_(loop,
                   [this] {
                       refuse_early_calls(
                           {VerbError::Code::refused,
                            "the store is not reachable at the moment; try again shortly"});
                   }),
      retry_timer_(loop, [this] { dispatch(); }), drain_timer_(loop, [this] { drain_timed_out(); }),
      operation_timer_(
          loop,
          [this] { end_operation("abandoned", "nothing was heard of it for 15 minutes", {}); }),
      look_timer_(
          loop, [this] { look_in_store(); }, event::Priority::low),
      life_timer_(loop, [this] { show_life(); }), agent_timer_(loop, [this] { look_at_agents(); }),
      tidy_timer_(loop, [this] { worker_.run([] { event::give_back_memory(); }, {}); }),
      outputs_(loop, [this](OutputPoll poll) { look_at_output(std::move(poll)); }), slices_(loop),
      looks_(loop), changer_(loop, [this] { next_change(); }), worker_(loop)
{
}

void Engine::Impl::start(const Claimed& claimed, std::string conninfo)
{
    if (phase_ != Phase::stopped && claimed.epoch == epoch_ && conninfo == conninfo_)
        return resume();
    end_session();
    epoch_ = claimed.epoch;
    doubt_ = claimed.doubt;
    conninfo_ = std::move(conninfo);
    phase_ = Phase::starting;
    // Runs of an earlier epoch of this node: their rows are freed, so they must be dead before.
    const auto generation = generation_;
    if (executor_.alive() == 0) return make_session();
    executor_.kill_all([this, generation] {
        if (generation == generation_ && !session_) make_session();
    });
}

void Engine::Impl::make_session()
{
    session_ = std::make_unique<Session>(
        loop_, Session::Who{epoch_, settings_.node}, conninfo_,
        Session::Callbacks{.on_up = [this] { read_store(); },
                           .on_down =
                               [this] {
                                   session_ready_ = false;
                                   reading_ = 0;
                                   writer_->pause();
                                   marks_->pause();
                                   asking_agents_ = false;
                               },
                           .on_wake = [this] { woken(); },
                           .on_result = [this] { look_at_agents(); },
                           .on_trouble = host_.on_store_trouble,
                           .on_superseded = [this](const std::string& why) { superseded(why); }});
    writer_ = std::make_unique<Writer>(
        loop_, *session_,
        [this](Batch batch, const Written& written) { committed(std::move(batch), written); },
        host_.on_store_trouble);
    marks_ = std::make_unique<Marks>(loop_, *session_);
    held_runs_ = std::make_unique<HeldRuns>(
        loop_, *session_,
        HeldRuns::Callbacks{.may_start = [this] { return may_start(); },
                            .held_queues = [this] { return held_queues(); },
                            .on_queued = [this] { look_in_store(); }});
    house_ = std::make_unique<House>(
        loop_, *session_,
        House::Limits{settings_.keep_runs, settings_.keep_days, settings_.house_period,
                      settings_.house_runs},
        House::Callbacks{
            [this] { return phase_ == Phase::running && session_ready_ && !suspended_; },
            [this] { return names_of_tasks(); }, host_.on_store_trouble});
}

void Engine::Impl::end_session()
{
    ++generation_;
    phase_ = Phase::stopped;
    suspended_ = session_ready_ = false;
    planner_.clear();
    looks_.clear();
    to_look_.clear();
    held_.clear();
    outages_ = Outages(settings_.hold_after_outage);
    looking_ = false;
    reading_ = 0;
    for (auto* timer : {&retry_timer_, &drain_timer_, &operation_timer_, &look_timer_, &life_timer_,
                        &agent_timer_})
        timer->stop();
    if (model_.operation) host_.watch_owner(model_.operation->id, 0);
    note_bulk(model_.tasks.size());
    model_ = {};
    window_ = {};
    applying_.clear();
    asking_agents_ = ask_agents_again_ = false;
    claimed_.clear();
    again_.clear();
    to_start_.clear();
    ending_.reset();
    held_runs_.reset();
    house_.reset();
    writer_.reset();
    marks_.reset();
    session_.reset();
    const auto gone = not_master_any_more();
    drop_changes();
    drop_listings();
    for (const auto& [ticket, reply] : std::exchange(run_replies_, {})) reply.failed(gone);
    for (const auto& [id, replies] : std::exchange(kills_, {}))
        for (const auto& reply : replies) reply.failed(gone);
    outputs_.refuse_all(gone);
    if (const auto drain = std::exchange(drain_, {})) drain->reply.failed(gone);
    drain_goes_on_ = false;
    gate_operation_ = 0;
    refuse_early_calls(gone);
    for (const auto& late : std::exchange(late_calls_, {})) late.reply.failed(gone);
}

VerbError Engine::Impl::not_master_any_more()
{
    return {VerbError::Code::not_master, "this node ceased to be master meanwhile"};
}

void Engine::Impl::superseded(const std::string& why)
{
    const auto told = why; // it belongs to what ends here
    end_session();
    host_.on_superseded(told);
}

void Engine::Impl::read_store()
{
    const auto kind = phase_ == Phase::starting ? LoadKind::first : LoadKind::again;
    load(
        *session_, {kind, doubt_},
        [this, kind](std::vector<pg::Result> results) { read_results(std::move(results), kind); },
        [this](const pg::Outcome& outcome) {
            if (session_->up()) session_->retry(pg::describe(outcome));
        });
}

/// Beside the loop: thousands of definitions take their time.
void Engine::Impl::read_results(std::vector<pg::Result> results, LoadKind kind)
{
    reading_ = ++tickets_;
    auto& reading = readings_[reading_];
    reading.results = std::move(results);
    worker_.run(
        [&reading, kind, &defaults = defaults_] {
            reading.loaded = read_all(reading.results, kind, defaults);
        },
        [this, ticket = reading_] {
            auto read = readings_.extract(ticket);
            if (ticket == reading_) loaded(std::move(read.mapped().loaded));
        });
}

void Engine::Impl::suspend()
{
    suspended_ = true;
    if (writer_) writer_->pause();
    if (marks_) marks_->pause();
}

void Engine::Impl::resume()
{
    if (!std::exchange(suspended_, false) || !session_ready_) return;
    writer_->resume();
    marks_->resume();
    starter_.trigger();
    look_at_all();
    look_in_store();
    look_at_agents();
    dispatch();
}

void Engine::Impl::kill(std::function<void()> on_dead)
{
    end_session();
    executor_.kill_all(std::move(on_dead));
}

void Engine::Impl::stop()
{
    end_session();
}

void Engine::Impl::note(std::string_view what, const std::string& why)
{
    if (writer_) writer_->next().notes.push_back({std::string(what), clean_text(why)});
    host_.on_event(what, why);
}

/// What was needed only to read, list or forget so many tasks is given back when it is free.
void Engine::Impl::note_bulk(std::size_t tasks)
{
    if (tasks >= bulk_tasks) tidy_timer_.start_in(tidy_after);
}

std::uint64_t Engine::Impl::pending_requests() const
{
    const bool gathers = writer_ && !writer_->idle(); // ends that the store does not have yet
    return runs_alive() + (session_ ? session_->pending() : 0) + (gathers ? 1U : 0U) +
           (marks_ ? marks_->waiting() : 0);
}

std::string_view to_string(VerbError::Code code)
{
    switch (code) {
    case VerbError::Code::bad_argument:
        return "BadArgument";
    case VerbError::Code::not_found:
        return "NotFound";
    case VerbError::Code::refused:
        return "Refused";
    case VerbError::Code::not_master:
        return "NotMaster";
    case VerbError::Code::denied:
        return "Denied";
    case VerbError::Code::failed:
        return "Failed";
    }
    return "Failed";
}

std::string Engine::host_boot_id()
{
    auto id = read_file("/proc/sys/kernel/random/boot_id");
    while (!id.empty() && id.back() == '\n') id.pop_back();
    return id + "-" + start_time_of_init();
}

Engine::Engine(event::Loop& loop, run::Executor& executor, Settings settings, Host host)
    : impl_(std::make_unique<Impl>(loop, executor, std::move(settings), std::move(host)))
{
}

Engine::~Engine() = default;

void Engine::start(const Claimed& claimed, std::string conninfo)
{
    impl_->start(claimed, std::move(conninfo));
}

void Engine::suspend()
{
    impl_->suspend();
}

void Engine::resume()
{
    impl_->resume();
}

void Engine::kill(std::function<void()> on_dead)
{
    impl_->kill(std::move(on_dead));
}

void Engine::stop()
{
    impl_->stop();
}

bool Engine::running() const
{
    return impl_->running();
}

void Engine::note_peer_boot(const std::string& boot_id)
{
    impl_->note_peer_boot(boot_id);
}

void Engine::note_hand_over(std::int64_t operation,
                            std::function<void(const std::string& obstacle)> on_done)
{
    impl_->note_hand_over(operation, std::move(on_done));
}

bool Engine::handle(std::string_view verb, const json& args, const Caller& caller, Reply reply)
{
    return impl_->handle(verb, args, caller, std::move(reply));
}

json Engine::status_part() const
{
    return impl_->status_part();
}

std::uint64_t Engine::pending_requests() const
{
    return impl_->pending_requests();
}

} // namespace roleswap::work
