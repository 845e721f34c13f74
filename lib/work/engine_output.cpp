// Who follows a run: its output from the memory of the executor while it is alive, from the store
// once it is over.  See verbs_output.cpp for the verb.
#include "work/engine_impl.hpp"
#include "work/output_text.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

json output_json(const OutputText& text, std::uint64_t asked)
{
    return {{"from", text.from},
            {"lost", text.from - std::min(asked, text.from)},
            {"output", text.text},
            {"next", text.next},
            {"bytes", text.bytes}};
}

bool is_over(const json& run)
{
    const auto state = run.value("state", "");
    return state != "queued" && state != "running";
}

} // namespace

/// Answers the question, or lets it wait for news.
void Engine::Impl::look_at_output(OutputPoll poll)
{
    if (phase_ != Phase::running || !session_ready_)
        return poll.reply.failed({VerbError::Code::not_master, "the store is not read yet"});
    if (tell_rest(poll) || tell_live(poll)) return;
    const auto id = poll.run;
    auto missing = fmt::format("there is no run {}; see \"roleswap run list\"", id);
    Reply read{[this, poll](const json& run) { tell_row(poll, run); }, poll.reply.failed};
    session_->read(output_row_query(id), found_or_refused(read, std::move(missing)),
                   [](std::vector<pg::Result>& results) -> json {
                       if (results.at(0).empty()) return nullptr;
                       return json::parse(results.at(0)[0].text(0));
                   });
}

/// What the attempt that he follows had put out last, before the word that it is over.
bool Engine::Impl::tell_rest(const OutputPoll& poll)
{
    const auto* end = outputs_.ended(poll.run);
    if (end == nullptr || end->attempt != poll.attempt || poll.from >= end->bytes) return false;
    const auto piece = run::cut_piece(end->tail, end->bytes, poll.from, output_piece_max);
    answer_output(poll, {{"id", poll.run}, {"state", poll.state}, {"attempt", poll.attempt}},
                  text_of(piece, Stream::ended));
    return true;
}

/// Of a run with processes on this node.
bool Engine::Impl::tell_live(OutputPoll& poll)
{
    const auto open = model_.open.find(poll.run);
    if (open == model_.open.end() || poll.attempt != open->second.attempt) return false;
    const auto piece = executor_.output(poll.run, poll.from, output_piece_max);
    if (!piece) return false;
    const auto text = text_of(*piece, Stream::goes_on);
    if (poll.state == "running" && text.text.empty() && poll.until > event::Loop::now()) {
        wait_for_output(std::move(poll));
        return true;
    }
    answer_output(poll,
                  {{"id", poll.run},
                   {"task", open->second.task},
                   {"state", "running"},
                   {"attempt", poll.attempt},
                   {"node", settings_.node}},
                  text);
    return true;
}

/// The row says what became of it; of an attempt that he does not know he gets all there is.
void Engine::Impl::tell_row(OutputPoll poll, json run)
{
    const auto attempt = run.at("attempt").get<int>();
    const bool knows = attempt == poll.attempt;
    if (!knows) poll.from = 0;
    OutputText text{.from = poll.from, .next = poll.from, .bytes = poll.from};
    const auto* end = outputs_.ended(poll.run);
    const bool has_all = knows && end != nullptr && end->attempt == attempt; // see tell_rest
    if (const auto live = executor_.output(poll.run, poll.from, output_piece_max))
        text = text_of(*live, Stream::goes_on);
    else if (is_over(run) && !has_all)
        text = text_of_row(run, poll.from);
    const bool is_new = !knows || run.at("state") != poll.state || !text.text.empty();
    if (!is_new && poll.until > event::Loop::now()) return wait_for_output(std::move(poll));
    run.erase("output");
    run.erase("output_bytes");
    answer_output(poll, std::move(run), text);
}

void Engine::Impl::answer_output(const OutputPoll& poll, json run, const OutputText& text)
{
    auto answer = output_json(text, poll.from);
    answer["over"] = is_over(run);
    answer["run"] = std::move(run);
    poll.reply.done(answer);
}

void Engine::Impl::wait_for_output(OutputPoll poll)
{
    const auto id = poll.run;
    executor_.watch(id, [this, id] { outputs_.note_output(id); });
    outputs_.wait(std::move(poll));
}

/// Its tail goes with the row; who follows it reads the rest from here.
void Engine::Impl::keep_end(const OpenRun& run, const run::RunEnd& end)
{
    if (outputs_.follows(run.id))
        outputs_.note_end(run.id, {run.attempt, end.output_bytes, end.output_tail});
}

} // namespace roleswap::work
