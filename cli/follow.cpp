#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <thread>
#include <unistd.h>

namespace roleswap::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
constexpr milliseconds poll_wait{2000}; ///< the daemon answers sooner when there is news
constexpr milliseconds call_wait{10'000};
constexpr milliseconds retry_pause{200};
constexpr auto trouble_kept = 1s; ///< a trouble that is over by then is not told
constexpr auto loss_pause = 1s;
constexpr auto master_patience = 5min;
constexpr int exit_timeout = 124; ///< as timeout(1)
constexpr int exit_signal = 128;  ///< as a shell

/// Whether it may be over soon: the master changes, a daemon starts anew.
bool may_pass(const bus::Error& error)
{
    using enum bus::ErrorCode;
    switch (error.code()) {
    case unreachable:
    case not_master:
    case failed:
    case refused:
        return true;
    case bad_argument:
    case denied:
    case not_found:
        return false;
    }
    return false;
}

bool is_run_number(const std::string& text)
{
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

json question(const std::string& run)
{
    return is_run_number(run) ? json{{"id", id_value(run)}} : json{{"task", run}};
}

std::string last_lines(const std::string& output, long lines)
{
    if (lines < 0) return output;
    if (lines == 0) return {};
    auto at = output.size() - (output.ends_with('\n') ? 1 : 0); // that ends the last line
    for (; lines > 0; --lines) {
        at = at == 0 ? std::string::npos : output.rfind('\n', at - 1);
        if (at == std::string::npos) return output;
    }
    return output.substr(at + 1);
}

void put_output(const std::string& output)
{
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    fmt::print("{}", terminal ? printable(output, Lines::keep) : output);
    std::fflush(stdout);
}

void tell_news(const std::string& sentence)
{
    fmt::print(stderr, "roleswap: {}\n", printable(sentence));
}

int exit_of(const json& run)
{
    const auto state = text(run, "state");
    if (state == "ok") return exit_ok;
    if (state == "timeout") return exit_timeout;
    if (const auto code = number(run, "exit_code"); code != 0) return static_cast<int>(code);
    if (const auto signal = number(run, "signal"); signal != 0)
        return exit_signal + static_cast<int>(signal);
    return exit_failed;
}

/// One run, from question to question.
class Follower {
public:
    Follower(Context& context, const OutputOptions& options)
        : context_(context), options_(options), question_(question(options.run))
    {
    }

    int follow()
    {
        while (true) {
            question_["timeout_ms"] = poll_wait.count();
            if (const auto answer = ask()) {
                take(*answer);
                if (flag(*answer, "over")) return end(member(*answer, "run"));
            }
        }
    }

private:
    std::optional<json> ask()
    {
        try {
            auto answer = context_.call("run_output", question_, call_wait);
            trouble_ = {};
            told_ = false;
            return answer;
        } catch (const bus::Error& error) {
            if (!may_pass(error)) throw;
            bear(error);
            return {};
        }
    }

    /// A swap or a takeover is under way, or the daemon here is away.
    void bear(const bus::Error& error)
    {
        const auto time = Clock::now();
        if (trouble_ == Clock::time_point{}) trouble_ = time;
        if (time - trouble_ > master_patience) throw error;
        if (time - trouble_ > trouble_kept && !std::exchange(told_, true))
            tell_news(fmt::format("no news for the moment: {}", error.what()));
        context_.disconnect();
        std::this_thread::sleep_for(retry_pause);
    }

    void take(const json& answer)
    {
        const json& run = member(answer, "run");
        if (context_.for_people())
            show(answer, run);
        else
            fmt::print("{}\n", answer.dump(-1, ' ', false, json::error_handler_t::replace));
        std::fflush(stdout);
        question_["id"] = number(run, "id");
        question_.erase("task");
        question_["attempt"] = number(run, "attempt");
        question_["state"] = text(run, "state");
        question_["from"] = number(answer, "next");
    }

    void show(const json& answer, const json& run)
    {
        const bool first = !question_.contains("attempt");
        if (run.contains("task")) task_ = text(run, "task");
        const auto name = fmt::format("run {} of {}", number(run, "id"), task_);
        const auto why = text(run, "why").empty() ? "" : ": " + text(run, "why");
        if (!first && number(run, "attempt") != number(question_, "attempt"))
            tell_news(fmt::format("{}: attempt {}{}", name,
                                  number(run, "attempt") - (why.empty() ? 0 : 1), why));
        else if (first && text(run, "state") == "queued")
            tell_news(fmt::format("{} waits in queue {}{}", name, text(run, "queue"), why));
        note_node(name, run);
        lost_ += number(answer, "lost");
        if (Clock::now() - lost_told_ > loss_pause) tell_lost();
        const auto output = text(answer, "output");
        put_output(first ? last_lines(output, options_.tail) : output);
        if (!output.empty()) ends_line_ = output.ends_with('\n');
    }

    /// A flood of output leaves something out many times a second.
    void tell_lost()
    {
        if (lost_ == 0) return;
        tell_news(fmt::format("{} bytes of output are left out, their end is kept alone",
                              std::exchange(lost_, 0)));
        lost_told_ = Clock::now();
    }

    /// What is told of the rest of an attempt names no node.
    void note_node(const std::string& name, const json& run)
    {
        const auto node = text(run, "node");
        if (text(run, "state") != "running" || node.empty() || node == node_) return;
        if (!node_.empty()) tell_news(fmt::format("{} goes on at {}", name, node));
        node_ = node;
    }

    int end(const json& run)
    {
        if (!context_.for_people()) return exit_of(run);
        tell_lost();
        if (!ends_line_ && isatty(STDOUT_FILENO) == 1) put_output("\n");
        const auto why = text(run, "why").empty() ? "" : ": " + text(run, "why");
        tell_news(fmt::format("run {} of {} on {}: {} after {}{}", number(run, "id"),
                              text(run, "task"), text(run, "node", "no node"), text(run, "state"),
                              span_text(text(run, "started_at"), text(run, "ended_at")), why));
        return exit_of(run);
    }

    Context& context_;
    const OutputOptions& options_;
    json question_;
    std::string task_, node_;
    bool ends_line_ = true;
    Clock::time_point trouble_{}; ///< since when nobody answers
    bool told_ = false;
    long lost_ = 0; ///< bytes left out that were not told
    Clock::time_point lost_told_{};
};

} // namespace

int run_output(Context& context, const OutputOptions& options)
{
    const json answer = context.call("run_output", question(options.run));
    if (!context.for_people()) {
        context.print(answer, {});
        return exit_ok;
    }
    if (const auto lost = number(answer, "lost"); lost > 0)
        tell_news(fmt::format("the first {0} of {1} bytes are not kept, only the last {2}; {3}",
                              lost, number(answer, "bytes"), number(answer, "bytes") - lost,
                              how_to_keep_more));
    put_output(last_lines(text(answer, "output"), options.tail));
    return exit_ok;
}

int run_follow(Context& context, const OutputOptions& options)
{
    return Follower(context, options).follow();
}

} // namespace roleswap::cli
