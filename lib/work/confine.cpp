#include "work/confine.hpp"
#include "base/ensure.hpp"
#include "base/quantity.hpp"
#include "run/obstacles.hpp"
#include "task/confinement.hpp"
#include "task/error.hpp"
#include <array>
#include <fmt/format.h>
#include <sys/resource.h>

namespace roleswap::work {
namespace {

using Properties = std::vector<run::UnitProperty>;
using Filter = run::UnitProperty::Filter;

int resource_of(std::string_view name)
{
    constexpr std::array<std::pair<std::string_view, int>, 9> all{{{"AS", RLIMIT_AS},
                                                                   {"CORE", RLIMIT_CORE},
                                                                   {"CPU", RLIMIT_CPU},
                                                                   {"DATA", RLIMIT_DATA},
                                                                   {"FSIZE", RLIMIT_FSIZE},
                                                                   {"MEMLOCK", RLIMIT_MEMLOCK},
                                                                   {"NOFILE", RLIMIT_NOFILE},
                                                                   {"NPROC", RLIMIT_NPROC},
                                                                   {"STACK", RLIMIT_STACK}}};
    for (const auto& [known, resource] : all)
        if (known == name) return resource;
    base::ensure(false, "a process limit is known by name only");
    return -1;
}

std::vector<std::string> words_of(std::string_view text)
{
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (!word.empty()) words.emplace_back(word);
    }
    return words;
}

run::UnitProperty sandbox_property(const std::string& name, const std::string& text)
{
    switch (task::find_sandbox_property(name)->kind) {
    case task::SandboxKind::flag:
        return {name, task::parse_flag(text).value_or(false)};
    case task::SandboxKind::word:
        return {name, text};
    case task::SandboxKind::paths:
        return {name, words_of(text)};
    case task::SandboxKind::filter:
        break;
    }
    const bool allows = !text.starts_with('~');
    return {name, Filter{allows, words_of(std::string_view(text).substr(allows ? 0 : 1))}};
}

void add_limits(Properties& properties, const task::Task& task)
{
    const auto add = [&properties](const char* name, std::uint64_t value) {
        properties.push_back({name, value});
    };
    if (const auto size = base::parse_size(*task.memory_max)) add("MemoryMax", *size);
    // Microseconds of processor time within each second (org.freedesktop.systemd1(5)).
    if (const auto percent = task::parse_quota(*task.cpu_quota))
        add("CPUQuotaPerSecUSec", std::uint64_t{*percent} * 10'000);
    if (task.cpu_weight > 0) add("CPUWeight", task.cpu_weight);
    if (task.io_weight > 0) add("IOWeight", task.io_weight);
    if (task.tasks_max > 0) add("TasksMax", task.tasks_max);
}

} // namespace

void confine(run::RunSpec& spec, const task::Task& task)
{
    const bool needs_unit = task::needs_unit(task);
    if (needs_unit) add_limits(spec.unit.emplace(), task);
    for (const auto& [name, text] : *task.sandbox)
        spec.unit->push_back(sandbox_property(name, text));
    for (const auto& known : task::process_limit_names()) {
        const auto found = task.rlimit->find(std::string(known.name));
        if (found == task.rlimit->end()) continue;
        const auto value = task::parse_process_limit(known.name, found->second).value_or(0);
        if (!needs_unit) {
            spec.limits.push_back({resource_of(known.resource), value});
            continue;
        }
        for (const char* which : {"", "Soft"})
            spec.unit->push_back({fmt::format("Limit{}{}", known.resource, which), value});
    }
}

void check_can_be_held(const task::Task& task)
{
    if (!task::needs_unit(task)) return;
    run::RunSpec spec;
    confine(spec, task);
    for (const auto& one : run::unit_obstacles(spec))
        throw task::Error(1, fmt::format("task {}: {}: {}", task.name, one.what, one.value),
                          one.fix);
}

} // namespace roleswap::work
