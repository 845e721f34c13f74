#include "work/engine_impl.hpp"
#include "work/output_text.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

/// Not one that was passed over while another was running.
constexpr const char* newest_sql = R"(
(SELECT id FROM roleswap.all_runs WHERE task = $1 AND state <> 'skipped' ORDER BY due DESC LIMIT 1)
UNION ALL (SELECT id FROM roleswap.all_runs WHERE task = $1 ORDER BY due DESC LIMIT 1) LIMIT 1)";
constexpr std::int64_t wait_ms_max = 60'000;

} // namespace

/// What is new of a run, or of the newest run of a task, since the caller was told this; waits up
/// to `timeout_ms` for it.
void Engine::Impl::run_output(const Call& call)
{
    const Arguments args(call.verb, call.args,
                         {"id", "task", "attempt", "from", "state", "timeout_ms"});
    OutputPoll poll{.reply = call.reply};
    poll.attempt = static_cast<int>(args.number_or("attempt", 0, INT32_MAX, 0));
    poll.from = static_cast<std::uint64_t>(args.number_or("from", 0, INT64_MAX, 0));
    poll.state = args.text_or("state", "a state of a run", "");
    poll.until = event::Loop::now() +
                 std::chrono::milliseconds(args.number_or("timeout_ms", 0, wait_ms_max, 0));
    if (!args.has("task")) {
        poll.run = args.number("id", 1, INT64_MAX);
        return look_at_output(std::move(poll));
    }
    const auto task = args.text("task", "the name of a task");
    auto missing = fmt::format("there is no run of a task \"{}\"; see \"roleswap run list\"", task);
    Reply found{[this, poll](const json& id) mutable {
                    poll.run = id.get<std::int64_t>();
                    look_at_output(std::move(poll));
                },
                call.reply.failed};
    session_->read({newest_sql, {task}}, found_or_refused(found, std::move(missing)),
                   [](std::vector<pg::Result>& results) -> json {
                       if (results.at(0).empty()) return nullptr;
                       return results.at(0)[0].integer(0);
                   });
}

/// The row of a run that is running has no output yet.
Reply Engine::Impl::with_live_output(const Reply& reply) const
{
    auto done = [this, reply](const json& result) {
        auto whole = result;
        auto& run = whole.at("run");
        const auto piece =
            executor_.output(run.at("id").get<std::int64_t>(), 0, output_piece_max * 2);
        if (piece) {
            run["output"] = text_of(*piece, Stream::ended).text;
            run["output_bytes"] = piece->bytes;
            run["truncated"] = piece->from > 0;
        }
        reply.done(whole);
    };
    return {std::move(done), reply.failed};
}

} // namespace roleswap::work
