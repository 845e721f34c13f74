#pragma once
#include "fence/fence.hpp"
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <poll.h>
#include <sstream>
#include <stdlib.h> // mkdtemp
#include <string>
#include <utility>
#include <vector>

namespace roleswap::fence::test {

/// A folder, a loop, and what a fence on it said.
class Bench {
public:
    Bench()
    {
        std::string name = std::filesystem::temp_directory_path() / "fence-XXXXXX";
        folder_ = ::mkdtemp(name.data());
        write("state", "on\n");
    }
    ~Bench() { std::filesystem::remove_all(folder_); }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    std::string path(const std::string& name) const { return folder_ + "/" + name; }
    void write(const std::string& name, const std::string& text) const
    {
        std::ofstream(path(name)) << text;
    }
    std::string read(const std::string& name) const
    {
        std::ostringstream text;
        text << std::ifstream(path(name)).rdbuf();
        return text.str();
    }
    Fence& make(Options options)
    {
        Callbacks callbacks;
        callbacks.on_answer = [this](std::uint64_t ticket, Result result) {
            answers.emplace_back(ticket, result);
        };
        callbacks.on_event = [this](std::string_view what, const std::string& why) {
            events.push_back(std::string(what) + ": " + why);
        };
        return fence.emplace(loop, std::move(options), std::move(callbacks));
    }
    bool run_until(const std::function<bool()>& condition,
                   Duration limit = std::chrono::seconds(20))
    {
        const auto end = event::Loop::now() + limit;
        while (!condition()) {
            if (event::Loop::now() >= end) return false;
            if (event::check(sd_event_run(loop.get(), 5000), "run") < 0) return false;
        }
        return true;
    }
    void run_for(Duration time)
    {
        const auto end = event::Loop::now() + time;
        run_until([&] { return event::Loop::now() >= end; }, 2 * time);
    }
    /// The answer to ticket 1.
    std::optional<Result> answer()
    {
        fence->fence(1);
        if (!run_until([&] { return !answers.empty(); })) return {};
        return answers.front().second;
    }
    std::string all_events() const
    {
        std::string all;
        for (const auto& event : events) all += event + "\n";
        return all;
    }
    Report report() const { return fence->status().last.value_or(Report{}); }

    event::Loop loop;
    std::vector<std::pair<std::uint64_t, Result>> answers;
    std::vector<std::string> events;
    std::optional<Fence> fence;

private:
    std::string folder_;
};

} // namespace roleswap::fence::test
