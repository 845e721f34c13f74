#include "each.hpp"
#include "memory.hpp"
#include <cerrno>
#include <deque>
#include <fmt/format.h>
#include <list>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <system_error>
#include <thread>

namespace roleswap::cli {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

/// So long a store that does not answer is asked again; what runs goes on meanwhile.
constexpr auto patience = 5min;
constexpr auto pause_before_again = 500ms;

/// One loop over the items of a run.  Marks are exchanged with the daemon in one call at a time:
/// what ended since the last one, and what begins now.
class Loop {
public:
    Loop(Context& context, const EachOptions& options, Items items)
        : context_(context), options_(options), own_(own_run("roleswap each")),
          items_(std::move(items.list)), repeated_(items.repeated)
    {
    }
    void run();
    json result() const;
    int code() const;

private:
    json call(std::string_view verb, json args);
    void look();
    std::vector<std::string> take(std::size_t count);
    bool exchange();
    void take_state(const std::string& item, const std::string& state);
    void begin(const std::string& item);
    void wait();
    void ended(Worker& worker);
    void failure(const std::string& item, const std::string& why);
    bool stopping() const { return failures_ > 0 && !options_.keep_going; }

    Context& context_;
    const EachOptions& options_;
    json own_;
    std::vector<std::string> items_;
    std::size_t looked_ = 0;        ///< so many of them were looked at
    std::deque<std::string> to_do_; ///< of those
    std::list<Worker> workers_;
    std::vector<std::string> done_;   ///< to be told
    std::vector<std::string> failed_; ///< to be told
    std::vector<std::string> in_doubt_;
    std::size_t repeated_ = 0, before_ = 0, now_ = 0, failures_ = 0, skipped_ = 0;
};

/// Repeating a mark does no harm, so an answer that did not come is asked for again.
json Loop::call(std::string_view verb, json args)
{
    args.update(own_);
    const auto until = std::chrono::steady_clock::now() + patience;
    while (true) {
        try {
            return context_.call(verb, args, mark_wait);
        } catch (const bus::Error& error) {
            if (error.code() != bus::ErrorCode::failed || std::chrono::steady_clock::now() > until)
                throw;
            fmt::print(stderr, "roleswap each: {}; trying again\n", error.what());
        }
        std::this_thread::sleep_for(pause_before_again);
    }
}

/// A thousand items at a time, so that the ones that are done cost no call each.
void Loop::look()
{
    const auto count = std::min(items_.size() - looked_, items_of_call_max);
    const auto from = items_.begin() + static_cast<std::ptrdiff_t>(looked_);
    const std::vector<std::string> part(from, from + static_cast<std::ptrdiff_t>(count));
    looked_ += count;
    const auto states = call("memory_seen", {{"items", part}}).at("states");
    for (std::size_t i = 0; i < part.size(); ++i) {
        const auto state = states.at(i).get<std::string>();
        if (state == "done" || state == "skipped" ||
            (state == "in doubt" && options_.in_doubt == "hold"))
            take_state(part[i], state);
        else
            to_do_.push_back(part[i]);
    }
}

std::vector<std::string> Loop::take(std::size_t count)
{
    std::vector<std::string> taken;
    while (taken.size() < count && (!to_do_.empty() || looked_ < items_.size())) {
        if (to_do_.empty()) {
            look();
            continue;
        }
        taken.push_back(std::move(to_do_.front()));
        to_do_.pop_front();
    }
    return taken;
}

void Loop::take_state(const std::string& item, const std::string& state)
{
    if (state == "begun") return begin(item);
    if (state == "skipped") {
        ++skipped_;
    } else if (state == "in doubt") {
        in_doubt_.push_back(item);
        fmt::print(stderr, "roleswap each: \"{}\" is in doubt: an earlier attempt began it\n",
                   printable(item));
    } else {
        ++before_;
    }
}

/// False when there was nothing to tell and nothing to begin.
bool Loop::exchange()
{
    const auto free = options_.jobs - workers_.size();
    const auto items = take(stopping() ? 0 : std::min<std::size_t>(free, items_of_call_max));
    if (items.empty() && done_.empty() && failed_.empty()) return false;
    const auto states = call("memory_begin", {{"items", items},
                                              {"in_doubt", options_.in_doubt},
                                              {"done", done_},
                                              {"failed", failed_}})
                            .at("states");
    done_.clear();
    failed_.clear();
    for (std::size_t i = 0; i < items.size(); ++i)
        take_state(items[i], states.at(i).get<std::string>());
    return true;
}

void Loop::begin(const std::string& item)
{
    try {
        workers_.emplace_back(options_.command, item);
    } catch (const std::system_error& error) {
        failed_.push_back(item);
        failure(item, error.what());
    }
}

void Loop::failure(const std::string& item, const std::string& why)
{
    ++failures_;
    fmt::print(stderr, "roleswap each: \"{}\": {}\n", printable(item), why);
}

void Loop::ended(Worker& worker)
{
    std::string why;
    switch (worker.reap(why)) {
    case Worker::End::done:
        ++now_;
        return done_.push_back(worker.item());
    case Worker::End::failed:
        failed_.push_back(worker.item());
        return failure(worker.item(), why);
    case Worker::End::unknown:
        return failure(worker.item(), why + ": whether it was done is not known");
    }
}

/// Until one of the commands has ended; takes all that have.
void Loop::wait()
{
    std::vector<pollfd> ends;
    for (const auto& worker : workers_) ends.push_back({worker.descriptor(), POLLIN, 0});
    while (poll(ends.data(), ends.size(), -1) < 0)
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
    auto worker = workers_.begin();
    for (const auto& end : ends) {
        const auto now = worker++;
        if (end.revents == 0) continue;
        ended(*now);
        workers_.erase(now);
    }
}

void Loop::run()
{
    while (true) {
        const bool told = exchange();
        if (workers_.empty()) {
            if (!told) return;
            continue;
        }
        // A free place whose item was not to be begun is filled first.
        const bool full = workers_.size() >= options_.jobs || stopping() ||
                          (to_do_.empty() && looked_ == items_.size());
        if (full || !told) wait();
    }
}

json Loop::result() const
{
    return {{"items", items_.size()},     {"done", now_},        {"done_before", before_},
            {"failed", failures_},        {"skipped", skipped_}, {"in_doubt", in_doubt_},
            {"repeated_lines", repeated_}};
}

int Loop::code() const
{
    if (failures_ > 0) return exit_failed;
    return in_doubt_.empty() ? exit_ok : exit_in_doubt;
}

std::string tally(const json& result)
{
    const auto repeated = result.at("repeated_lines").get<std::size_t>();
    return fmt::format("{} items: {} done now, {} before, {} failed, {} skipped, {} in doubt{}\n",
                       result.at("items").dump(), result.at("done").dump(),
                       result.at("done_before").dump(), result.at("failed").dump(),
                       result.at("skipped").dump(), result.at("in_doubt").size(),
                       repeated == 0 ? "" : fmt::format("; {} repeated lines left out", repeated));
}

} // namespace

int each(Context& context, const EachOptions& options)
{
    Loop loop(context, options, read_items(options.file, options.null ? '\0' : '\n'));
    loop.run();
    context.print(loop.result(), tally);
    return loop.code();
}

} // namespace roleswap::cli
