#include "run/spawner.hpp"
#include "run/child.hpp"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace roleswap::run {
namespace {

using namespace std::chrono_literals;

constexpr unsigned fruitless_max = 3;
constexpr event::Duration here_for = 10s; ///< then a helper is tried again
constexpr std::size_t here_at_once = 16;  ///< clones of the daemon, before others have their turn

std::string reason(const SpawnAnswer& answer)
{
    const bool folder = answer.step == SpawnAnswer::Step::folder;
    return fmt::format("{}: {}", folder ? "make its cgroup" : "start a process",
                       std::strerror(answer.error));
}

/// The other side of a socket, with or without words of ours that it has not read.
bool is_gone(const std::error_code& error)
{
    return error == std::errc::broken_pipe || error == std::errc::connection_reset;
}

/// As the helper does it, or with a keeper where there is no cgroup.
Cloned clone_from_daemon(const Spawner::Order& order)
{
    const Cgroup cgroup(order.folder);
    event::UniqueFd folder;
    if (!order.folder.empty()) {
        cgroup.create_if_missing(); // a helper may have died right after that
        folder = cgroup.open();
    }
    const pid_t daemon = ::getpid();
    const auto at = std::chrono::system_clock::now();
    const pid_t pid = clone_process(folder.get());
    if (pid != 0) return {event::check(pid, "start a process"), at};
    if (!folder) become_keeper(order.plan);
    become_ordinary();
    become_task(order.plan, daemon);
}

} // namespace

Spawner::Spawner(event::Loop& loop, Options options)
    : loop_(loop), options_(std::move(options)),
      later_(
          loop, [this] { pump(); }, event::Priority::low),
      patience_(loop, [this] { look(); })
{
    if (options_.program.empty()) {
        trouble_ = "as told";
        return;
    }
    // Opened once: it stays the program of this daemon while another version is being installed.
    program_ = event::UniqueFd(::open(options_.program.c_str(), O_PATH | O_CLOEXEC));
    if (!program_ || ::access(options_.program.c_str(), X_OK) != 0) {
        trouble_ = fmt::format("{}: {}", options_.program, std::strerror(errno));
        program_.reset();
    }
}

bool Spawner::wants_helper() const
{
    return program_ && options_.task_root && event::Loop::now() >= here_until_;
}

void Spawner::begin()
{
    if (!helper_ && wants_helper()) start_helper();
}

void Spawner::start(Asker& asker)
{
    queue_.push_back(&asker);
    later_.trigger();
}

bool Spawner::recall(Asker& asker)
{
    if (std::erase(queue_, &asker) > 0) return false;
    if (std::ranges::find(slots_, &asker) == slots_.end()) return false;
    kill();
    return true;
}

void Spawner::forget(const Asker& asker) noexcept
{
    std::erase(queue_, &asker);
    const auto found = std::ranges::find(slots_, &asker);
    if (found == slots_.end()) return;
    *found = nullptr;
    kill();
}

void Spawner::kill() noexcept
{
    if (!helper_) return;
    killed_ = true;
    helper_->kill();
}

std::size_t Spawner::free_slot() const
{
    return static_cast<std::size_t>(std::ranges::find(slots_, nullptr) - slots_.begin());
}

std::size_t Spawner::asked() const
{
    return slots_.size() - static_cast<std::size_t>(std::ranges::count(slots_, nullptr));
}

void Spawner::pump()
{
    for (std::size_t here = 0; !queue_.empty();) {
        if (!helper_ && wants_helper()) start_helper();
        if (!helper_) {
            if (here++ == here_at_once) return later_.trigger();
            clone_here();
            continue;
        }
        const auto slot = free_slot();
        if (killed_ || slot == slots_.size() || !hand_over(slot)) return;
    }
}

void Spawner::start_helper()
{
    answers_ = 0;
    killed_ = stuck_ = false;
    // Each in a new one: where cgroup.kill has been used before, Linux 6.14 and newer kill also who
    // is cloned into it, or from it into another one, later.
    const Cgroup group(fmt::format("{}/spawner-{}", options_.task_root->path(), ++lives_));
    try {
        helper_ = std::make_unique<SpawnHelper>(
            loop_, program_.get(), group,
            SpawnHelper::Events{[this](const SpawnAnswer& answer) { answered(answer); },
                                [this] { pump(); }, [this](const std::string& how) { gone(how); }});
    } catch (const std::system_error& error) {
        failed(error.what());
    }
}

/// False: not now.
bool Spawner::hand_over(std::size_t slot)
{
    auto* const asker = queue_.front();
    queue_.pop_front();
    const auto order = asker->order();
    if (!order) return true;
    try {
        if (!helper_->send(slot, order->folder, order->plan)) {
            queue_.push_front(asker);
            return false;
        }
    } catch (const std::system_error& error) {
        if (!is_gone(error.code())) {
            asker->not_spawned(error.what());
            return true;
        }
        queue_.push_front(asker); // for the next helper
        return false;
    }
    slots_.at(slot) = asker;
    if (patience_.running()) return true;
    looked_at_ = answers_;
    patience_.start_in(options_.patience);
    return true;
}

void Spawner::clone_here()
{
    auto* const asker = queue_.front();
    queue_.pop_front();
    const auto order = asker->order();
    if (!order) return;
    try {
        asker->spawned(clone_from_daemon(*order));
    } catch (const std::system_error& error) {
        asker->not_spawned(error.what());
    }
}

void Spawner::answered(const SpawnAnswer& answer)
{
    ++answers_;
    fruitless_ = 0;
    auto* const asker = std::exchange(slots_.at(answer.slot), nullptr);
    if (asker == nullptr) return;
    if (answer.error != 0) return asker->not_spawned(reason(answer));
    asker->spawned(helper_->cloned(answer.slot));
}

/// By the page it is sure which clones were made.  The others keep their order.
void Spawner::gone(const std::string& how)
{
    const auto helper = std::move(helper_);
    std::size_t again = 0;
    for (std::size_t slot = slots_.size(); slot-- > 0;) {
        auto* const asker = std::exchange(slots_.at(slot), nullptr);
        if (asker == nullptr) continue;
        if (const auto child = helper->cloned(slot); child.pid > 0) {
            asker->spawned(child);
        } else {
            queue_.push_front(asker);
            ++again;
        }
    }
    patience_.stop();
    if (!killed_) lost(stuck_ ? "did not answer and was killed" : how, again);
    if (!queue_.empty()) later_.trigger();
}

void Spawner::lost(const std::string& how, std::size_t again)
{
    if (options_.on_lost)
        options_.on_lost(fmt::format("the process that starts tasks {}; a new one is started, and "
                                     "begins with {} tasks that were asked of the old one",
                                     how, again));
    if (answers_ == 0) failed(fmt::format("{} {}", options_.program, how));
}

void Spawner::failed(const std::string& why)
{
    if (++fruitless_ < fruitless_max) return;
    fruitless_ = 0;
    trouble_ = why;
    here_until_ = event::Loop::now() + here_for;
}

/// It waits for nothing but its turn on the processor: somebody stopped it, or the machine is
/// overloaded beyond use.
void Spawner::look()
{
    if (!helper_ || asked() == 0) return;
    if (answers_ == looked_at_) {
        stuck_ = true;
        return helper_->kill();
    }
    looked_at_ = answers_;
    patience_.start_in(options_.patience);
}

std::string Spawner::describe() const
{
    const auto starting = queue_.size() + asked();
    const auto waiting = starting == 0 ? "" : fmt::format(", {} being started", starting);
    if (wants_helper()) return fmt::format("started by roleswap-keeper{}", waiting);
    return fmt::format("started by this process itself ({}){}", trouble_, waiting);
}

} // namespace roleswap::run
