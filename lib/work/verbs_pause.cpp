// pause-all and resume-all: one switch over everything, which no swap and no restart touches.
#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

constexpr const char* pause_sql = R"(
INSERT INTO roleswap.setting (name, value)
VALUES ('pause', jsonb_build_object('paused', $1::boolean, 'reason', $2::text, 'by', $3::text,
                                    'at', roleswap.iso(now())))
ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = now()
RETURNING value ->> 'at')";

} // namespace

json Engine::Impl::pause_json() const
{
    const auto& pause = model_.pause;
    if (!pause.paused) return nullptr;
    return {{"reason", pause.reason}, {"by", pause.by}, {"at", pause.at}};
}

/// "since TIME by WHO (REASON)"
std::string Engine::Impl::pause_text() const
{
    const auto& pause = model_.pause;
    return fmt::format("since {} by {}{}", pause.at, pause.by,
                       pause.reason.empty() ? "" : " (" + pause.reason + ")");
}

void Engine::Impl::set_pause(const Call& call, Pause pause)
{
    show_last_life();
    std::vector<pg::Query> queries{
        {pause_sql, {pause.paused ? "true" : "false", pause.reason, pause.by}}};
    auto done = [this, pause](std::vector<pg::Result>& results) mutable -> json {
        const auto before = pause_text();
        pause.at = results.at(0)[0].text(0);
        model_.pause = pause;
        note(pause.paused ? "pause_begun" : "pause_ended",
             pause.paused ? fmt::format("nothing starts any more, {}", pause_text())
                          : fmt::format("{} ended the pause {}", pause.by, before));
        look_at_all();
        dispatch();
        return {{"paused", pause_json()}};
    };
    session_->write(std::move(queries), call.reply, std::move(done));
}

void Engine::Impl::pause_all(const Call& call)
{
    const Arguments args(call.verb, call.args, {"reason"});
    const auto reason = clean_text(args.text_or("reason", "a sentence", ""));
    if (model_.pause.paused)
        throw Refusal(VerbError::Code::refused, "it is paused already, " + pause_text());
    set_pause(call, {.paused = true, .reason = reason, .by = clean_text(call.caller.user)});
}

void Engine::Impl::resume_all(const Call& call)
{
    const Arguments args(call.verb, call.args, {});
    if (!model_.pause.paused)
        throw Refusal(VerbError::Code::refused,
                      "it is not paused; for queues see \"roleswap queue list\", for the scheduler "
                      "\"roleswap status\"");
    set_pause(call, {.by = clean_text(call.caller.user)});
}

} // namespace roleswap::work
