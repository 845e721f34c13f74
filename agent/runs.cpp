#include "runs.hpp"
#include "task/binding.hpp"
#include "task/error.hpp"
#include "work/agents.hpp"
#include "work/runner.hpp"
#include <fmt/format.h>

namespace roleswap::agent {
namespace {

using nlohmann::json;
using std::chrono::system_clock;

constexpr std::size_t delivery_max = 100; ///< results, each with at most 256 KiB of output

std::int64_t now_us()
{
    return work::now().time_since_epoch().count();
}

/// A result of what had no process.
json without_process(const std::string& why)
{
    work::Report report;
    report.end.why = why;
    report.end.started_at = report.end.ended_at = system_clock::now();
    return work::to_json(report);
}

json unknown_end(const Spool::Record& record, const std::string& name)
{
    work::Report report{.unknown = true};
    report.end.why = fmt::format("agent {} was ended while it ran", name);
    report.end.started_at = system_clock::time_point(std::chrono::microseconds(record.begun_us));
    report.end.ended_at = system_clock::now();
    return work::to_json(report);
}

/// A run without a process: done as soon as it is given.
json done_at_once()
{
    work::Report report;
    report.end.started = true;
    report.end.code = 0;
    report.end.started_at = report.end.ended_at = system_clock::now();
    return work::to_json(report);
}

} // namespace

Runs::Runs(run::Executor& executor, Spool& spool, const Config& config, const Journal& journal)
    : executor_(executor), spool_(spool), config_(config), journal_(journal)
{
}

void Runs::adopt(std::vector<Spool::Record> records)
{
    for (auto& record : records) {
        auto& one = all_[record.key];
        one.record = std::move(record);
        one.offers = 1;
        if (one.record.result) {
            one.phase = Phase::ended;
            continue;
        }
        journal_.tell("left_over",
                      fmt::format("run {} of task {} had begun and its end is unknown: "
                                  "its task says what follows",
                                  one.record.key.run, one.record.task));
        keep(one, unknown_end(one.record, config_.name));
    }
}

void Runs::take(const std::vector<Given>& given, std::uint64_t epoch)
{
    for (const auto& one : given) {
        const auto known = all_.find(one.key);
        if (known == all_.end()) {
            begin_one(one, epoch);
        } else if (one.kill && known->second.phase == Phase::begun) {
            known->second.kill = true;
            executor_.kill(one.key.run);
        }
    }
}

/// On the disk before it has a process: what is not there has never run.
void Runs::begin_one(const Given& given, std::uint64_t epoch)
{
    auto& one = all_[given.key];
    one.given = given;
    one.kill = given.kill;
    one.record = {given.key, given.task, now_us(), std::nullopt};
    spool_.put(one.record, [this, key = given.key, epoch](const std::string& trouble) {
        if (stopping_) return;
        if (!trouble.empty()) return cannot_start(key, "the agent cannot note it: " + trouble);
        start(key, epoch);
    });
}

void Runs::start(const Key& key, std::uint64_t epoch)
{
    auto& one = all_.at(key);
    const auto& given = one.given;
    if (given.definition.is_null()) return cannot_start(key, "its task was removed");
    try {
        const auto task = task::on_node(task::from_json(given.definition), config_.name);
        if (task.kind == task::TaskKind::noop) return keep(one, done_at_once());
        const work::OpenRun run{.id = key.run,
                                .task = given.task,
                                .due = work::Instant(std::chrono::microseconds(given.due_us)),
                                .attempt = static_cast<int>(key.attempt),
                                .payload = given.payload};
        executor_.start(
            work::make_spec(task, run,
                            {.epoch = epoch, .node = config_.name, .agent = config_.name}),
            [this, key](const run::RunEnd& end) { ended(key, end); });
    } catch (const task::Error& error) { // of a newer version
        return cannot_start(key, fmt::format("the agent cannot read its task: {}", error.what()));
    }
    if (one.kill) executor_.kill(key.run);
}

void Runs::cannot_start(const Key& key, const std::string& why)
{
    auto& one = all_.at(key);
    journal_.tell("run_failed", fmt::format("task {} (run {}): {}", one.record.task, key.run, why));
    keep(one, without_process(why));
}

void Runs::ended(const Key& key, const run::RunEnd& end)
{
    if (stopping_) return; // the next process of the agent tells that its end is unknown
    auto& one = all_.at(key);
    if (!end.ok())
        journal_.tell("run_failed",
                      fmt::format("task {} (run {}): {}", one.record.task, key.run, end.why));
    keep(one, work::to_json({.end = end}));
}

/// On the disk before the pair hears of it: a result that was told once is never told otherwise.
void Runs::keep(One& one, json result)
{
    one.record.result = std::move(result);
    one.given = {};
    spool_.put(one.record, [this, key = one.record.key](const std::string& trouble) {
        if (!trouble.empty()) journal_.tell("spool_trouble", trouble);
        all_.at(key).phase = Phase::ended;
        if (on_result_) on_result_();
    });
}

std::vector<Finished> Runs::finished()
{
    std::vector<Finished> list;
    for (auto& [key, one] : all_) {
        if (one.phase != Phase::ended) continue;
        ++one.offers;
        list.push_back({key, *one.record.result});
        if (list.size() == delivery_max) break;
    }
    return list;
}

void Runs::delivered(const std::vector<Key>& all, const std::vector<Key>& kept)
{
    for (const auto& key : all) {
        const auto found = all_.find(key);
        if (found == all_.end()) continue;
        const bool fresh = std::find(kept.begin(), kept.end(), key) != kept.end();
        if (!fresh && found->second.offers == 1)
            journal_.tell(
                "not_wanted",
                fmt::format("the pair did not wait for the result of run {} (attempt {}) of "
                            "task {}: it was given up there",
                            key.run, key.attempt, found->second.record.task));
        all_.erase(found);
    }
    spool_.remove(all);
}

std::size_t Runs::alive() const
{
    std::size_t count = 0;
    for (const auto& [key, one] : all_) count += one.phase == Phase::begun ? 1U : 0U;
    return count;
}

} // namespace roleswap::agent
