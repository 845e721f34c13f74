#include "work/agents.hpp"
#include "task/task.hpp"
#include "work/runner.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace roleswap::work {
namespace {

using nlohmann::json;
using std::chrono::floor;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t name_max = 40; ///< a role has at most 63 bytes
constexpr std::size_t tail_max = std::size_t{256} * 1024;
constexpr std::int64_t micros_max = 7'258'118'400'000'000; ///< the begin of the year 2200

std::int64_t micros(std::chrono::system_clock::time_point time)
{
    return floor<microseconds>(time).time_since_epoch().count();
}

/// Beyond it neither this program nor the store could count, and no end of any run would be kept.
std::int64_t figure(const json& object, const char* name, std::int64_t most)
{
    const auto value = object.value(name, std::int64_t{0}); // above 63 bits: negative
    if (value < 0 || value > most)
        throw std::out_of_range(fmt::format("{} is {}; allowed: 0 to {}", name, value, most));
    return value;
}

std::uint64_t count(const json& object, const char* name)
{
    return static_cast<std::uint64_t>(figure(object, name, INT64_MAX));
}

std::chrono::system_clock::time_point at(const json& object, const char* name)
{
    return std::chrono::system_clock::time_point(microseconds(figure(object, name, micros_max)));
}

milliseconds span(const json& object, const char* name)
{
    return milliseconds(figure(object, name, micros_max / 1000));
}

const char* word(run::Killed killed)
{
    switch (killed) {
    case run::Killed::timed_out:
        return "timeout";
    case run::Killed::by_request:
        return "request";
    case run::Killed::with_all:
        return "all";
    case run::Killed::output:
        return "output";
    case run::Killed::no:
        break;
    }
    return "no";
}

run::Killed killed_of(const std::string& text)
{
    for (const auto killed : {run::Killed::timed_out, run::Killed::by_request,
                              run::Killed::with_all, run::Killed::output})
        if (text == word(killed)) return killed;
    return run::Killed::no;
}

std::optional<int> maybe(const json& object, const char* name)
{
    const auto found = object.find(name);
    if (found == object.end() || found->is_null()) return std::nullopt;
    return static_cast<int>(figure(object, name, INT32_MAX));
}

Report read(const json& object, std::int64_t run)
{
    Report report{.unknown = object.value("unknown", false)};
    auto& end = report.end;
    end.id = run;
    end.started = object.value("started", false);
    end.code = maybe(object, "code");
    end.signal = maybe(object, "signal");
    end.killed = killed_of(object.value("killed", "no"));
    end.why = object.value("why", "");
    end.output_tail = object.value("output_tail", "");
    if (end.output_tail.size() > tail_max)
        end.output_tail.erase(0, end.output_tail.size() - tail_max);
    end.output_bytes = count(object, "output_bytes");
    end.started_at = at(object, "started_us");
    end.ended_at = at(object, "ended_us");
    end.duration = span(object, "duration_ms");
    end.cpu = span(object, "cpu_ms");
    end.peak_memory_kib = count(object, "peak_memory_kib");
    end.read_bytes = count(object, "read_bytes");
    end.written_bytes = count(object, "written_bytes");
    return report;
}

} // namespace

const char* const agents_sql = R"(
SELECT a.name, roleswap.agent_is_here(a), coalesce(roleswap.iso(a.session_begun), ''), a.address,
       a.version, roleswap.iso(a.added_at), a.added_by, roleswap.iso(a.token_at), a.connected
FROM roleswap.agent AS a ORDER BY a.name)";

bool is_agent_name(std::string_view name)
{
    return name.size() <= name_max && task::is_valid_name(name);
}

std::string agent_role(const std::string& name)
{
    return "roleswap_agent_" + name;
}

std::vector<AgentSession> read_sessions(const pg::Result& result)
{
    std::vector<AgentSession> sessions;
    const auto text = [&](std::size_t row, int column) {
        return std::string(result[row].text(column));
    };
    for (std::size_t i = 0; i < result.rows(); ++i)
        sessions.push_back({.name = text(i, 0),
                            .entry = {.here = result[i].boolean(1),
                                      .since = text(i, 2),
                                      .address = text(i, 3),
                                      .version = text(i, 4),
                                      .added_at = text(i, 5),
                                      .added_by = text(i, 6),
                                      .token_at = text(i, 7)},
                            .connected = result[i].boolean(8)});
    return sessions;
}

json to_json(const Report& report)
{
    const auto& end = report.end;
    json object{{"started", end.started},
                {"killed", word(end.killed)},
                {"why", clean_text(end.why)},
                {"output_tail", clean_text(end.output_tail)},
                {"output_bytes", end.output_bytes},
                {"started_us", micros(end.started_at)},
                {"ended_us", micros(end.ended_at)},
                {"duration_ms", floor<milliseconds>(end.duration).count()},
                {"cpu_ms", floor<milliseconds>(end.cpu).count()},
                {"peak_memory_kib", end.peak_memory_kib},
                {"read_bytes", end.read_bytes},
                {"written_bytes", end.written_bytes}};
    if (end.code) object["code"] = *end.code;
    if (end.signal) object["signal"] = *end.signal;
    if (report.unknown) object["unknown"] = true;
    return object;
}

Report report_from(const json& object, std::int64_t run)
{
    const auto unknown = [run](const char* why) {
        Report report{.unknown = true};
        report.end.id = run;
        report.end.why = fmt::format("the result that was delivered cannot be read: {}", why);
        return report;
    };
    try {
        return read(object, run);
    } catch (const json::exception& error) {
        return unknown(error.what());
    } catch (const std::out_of_range& error) {
        return unknown(error.what());
    }
}

} // namespace roleswap::work
