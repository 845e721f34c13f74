#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <thread>

namespace roleswap::cli {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
constexpr milliseconds redraw_gap{250};
constexpr milliseconds redraw_max{1000}; ///< ages and pending bytes move without a signal

volatile std::sig_atomic_t stopped = 0;

void stop(int)
{
    stopped = 1;
}

/// Ends the wait of `watch` without ending the program before the screen is restored.
void catch_signals()
{
    struct sigaction action {};
    action.sa_handler = stop;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
}

/// The alternate screen of the terminal, left again whatever happens.
class Screen {
public:
    explicit Screen(bool used) : used_(used)
    {
        if (used_) fmt::print("\033[?1049h\033[?25l");
    }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    ~Screen()
    {
        if (!used_) return;
        std::fputs("\033[?25h\033[?1049l", stdout);
        std::fflush(stdout);
    }
    /// Overwrites in place: no flicker.
    void show(const std::string& text) const
    {
        std::string out = "\033[H";
        for (const char letter : text)
            out += letter == '\n' ? std::string("\033[K\n") : std::string(1, letter);
        fmt::print("{}\033[J", out);
        std::fflush(stdout);
    }

private:
    bool used_;
};

class Watch {
public:
    explicit Watch(Context& context)
        : context_(context), screen_(context.style.terminal && context.for_people())
    {
    }

    void run()
    {
        while (!stopped) {
            try {
                show(context_.call("status"));
                rest();
            } catch (const bus::Error& error) {
                if (error.code() != bus::ErrorCode::unreachable) throw;
                lost(error.what());
            }
        }
    }

private:
    bool live() const { return context_.style.terminal && context_.for_people(); }

    void show(const json& status)
    {
        if (live()) return screen_.show(render_status(status, context_.style));
        if (!context_.for_people()) {
            json steady = status;
            steady.erase("at");
            const std::string now = steady.dump(-1, ' ', true, json::error_handler_t::replace);
            if (now != last_)
                fmt::print("{}\n", status.dump(-1, ' ', false, json::error_handler_t::replace));
            last_ = now;
        } else {
            const std::string now = render_bar(status, context_.style);
            if (now != last_) fmt::print("{} {}\n", local_time(text(status, "at")), now);
            last_ = now;
        }
        std::fflush(stdout);
    }

    /// At least the gap, at most until the next change.
    void rest()
    {
        const auto from = std::chrono::steady_clock::now();
        if (!context_.client().next_signal(redraw_max) || stopped) return;
        const auto left = redraw_gap - (std::chrono::steady_clock::now() - from);
        if (left > 0ns) std::this_thread::sleep_for(left);
        while (!stopped && context_.client().next_signal(0ms)) {
        }
    }

    void lost(const std::string& why)
    {
        context_.disconnect();
        if (live())
            screen_.show(why + "\nTrying again every second; Ctrl-C ends.\n");
        else if (why != last_)
            fmt::print(stderr, "roleswap: {}\n", why);
        last_ = why;
        if (!stopped) std::this_thread::sleep_for(1s);
    }

    Context& context_;
    Screen screen_;
    std::string last_;
};

} // namespace

int watch(Context& context)
{
    context.call("node_status"); // a daemon that is not there is told at once
    catch_signals();
    Watch(context).run();
    return exit_ok;
}

} // namespace roleswap::cli
