#include "guard/client.hpp"
#include "base/ensure.hpp"
#include <array>
#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <new>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace roleswap::guard {
namespace {

/// Of the daemon's clock without a turn of the guard's, which come at least every 100 ms.
constexpr event::Duration stood_max = std::chrono::seconds(1);

struct Pair {
    event::UniqueFd own;
    event::UniqueFd other;
};

Pair make_pair()
{
    std::array<int, 2> ends{};
    event::check(
        ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()),
        "make a socket pair");
    return {event::UniqueFd(ends[0]), event::UniqueFd(ends[1])};
}

void make_group(const std::string& path)
{
    if (!path.empty() && ::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
        throw std::system_error(errno, std::generic_category(), "make " + path);
}

} // namespace

void Client::Unmap::operator()(Page* page) const noexcept
{
    ::munmap(page, sizeof *page);
}

Client::Client(event::Loop& loop, Settings settings, Events events)
    : loop_(loop), settings_(std::move(settings)), events_(std::move(events))
{
    make_page();
}

Client::~Client()
{
    if (socket_) say(say_quit);
}

/// A new page per guard: one that is lost but not dead yet can touch nothing of its successor's.
void Client::make_page()
{
    memory_ = event::UniqueFd(
        event::check(::memfd_create("roleswap-guard", MFD_CLOEXEC), "make the page of the guard"));
    event::check(::ftruncate(memory_.get(), sizeof(Page)), "size the page of the guard");
    void* place = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                         memory_.get(), 0);
    if (place == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "map the page of the guard");
    page_.reset(new (place) Page{});
}

std::vector<std::string> Client::arguments() const
{
    std::vector<std::string> words{settings_.program, "--daemon", std::to_string(::getpid())};
    const auto add = [&words](const char* option, const std::string& value) {
        if (!value.empty()) words.insert(words.end(), {option, value});
    };
    add("--own-group", settings_.own_group);
    add("--task-group", settings_.task_group);
    add("--unit-group", settings_.unit_group);
    add("--store-group", settings_.store_group);
    add("--marker", settings_.marker);
    add("--cluster", settings_.cluster);
    if (watchdog_) add("--watchdog", std::to_string(settings_.watchdog_timeout.count()));
    return words;
}

/// A watchdog that cannot be armed is told, not fatal: the guard does without.
void Client::open_watchdog()
{
    watchdog_trouble_.clear();
    watchdog_.reset();
    if (!settings_.open_watchdog) return;
    try {
        watchdog_ = settings_.open_watchdog();
    } catch (const std::runtime_error& error) {
        watchdog_trouble_ = error.what();
    }
}

void Client::start()
{
    base::ensure(!process_, "the guard is started twice");
    make_page();
    noted_ = false;
    open_watchdog();
    make_group(settings_.own_group);
    make_group(settings_.store_group);
    auto sockets = make_pair();
    event::Command command;
    command.argv = arguments();
    command.descriptors = {memory_.get(), sockets.other.get()};
    if (watchdog_) command.descriptors.push_back(watchdog_.get());
    command.cgroup = settings_.own_group;
    process_ = std::make_unique<event::Process>(
        loop_, command, [this](const event::Ended& ended) { lost(ended.describe()); });
    watchdog_armed_ = static_cast<bool>(watchdog_);
    watchdog_.reset(); // the guard's alone: its end must stop the feeding
    socket_ = std::move(sockets.own);
    io_ = std::make_unique<event::Io>(
        loop_, socket_.get(), EPOLLIN, [this](std::uint32_t) { heard(); }, event::Priority::high);
    stood_ = event::Duration{0};
    turns_ = 0;
}

void Client::say(char message) noexcept
{
    // Full is no matter: the guard has something to wake up for then.
    [[maybe_unused]] const auto sent =
        ::send(socket_.get(), &message, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Client::heard()
{
    char message = 0;
    ssize_t got = 0;
    while ((got = ::recv(socket_.get(), &message, 1, 0)) > 0) {
        if (page_->ready == 0) continue;
        if (!std::exchange(ready_, true) && events_.on_ready) events_.on_ready();
        if (fired() && events_.on_fired) events_.on_fired();
    }
    if (got == 0) io_.reset(); // it ended; the process says how
}

void Client::lost(const std::string& why)
{
    const auto gone = std::move(process_); // may be calling us
    io_.reset();
    socket_.reset();
    ready_ = false;
    watchdog_armed_ = false;
    trouble_ = why;
    if (events_.on_lost) events_.on_lost(why);
}

Client::Extended Client::extend(Micros until) noexcept
{
    if (!process_ || !ready_) return Extended::lost;
    auto before = page_->deadline.load();
    do {
        if (before != has_fired) continue;
        if (!noted_ || until <= event::Loop::now().count()) return Extended::fired;
    } while (!page_->deadline.compare_exchange_weak(before, until));
    noted_ = false;
    if (until < before || before == has_fired) say(say_wake);
    return Extended::yes;
}

bool Client::fired() const noexcept
{
    return ready_ && !noted_ && page_->deadline.load() == has_fired;
}

Firing Client::firing() const noexcept
{
    const auto deadline = page_->fired_deadline.load();
    Firing firing{
        event::Duration(deadline), event::Duration(page_->fired_at.load() - deadline), {}};
    if (const auto dead = page_->dead_at.load(); dead != 0)
        firing.dead_after = event::Duration(dead - deadline);
    return firing;
}

void Client::look(event::Duration planned)
{
    if (!process_) return;
    const auto turns = page_->turns.load();
    stood_ = turns == std::exchange(turns_, turns) ? stood_ + planned : event::Duration{0};
    if (stood_ < stood_max) return;
    ::kill(process_->pid(), SIGKILL);
    stood_ = event::Duration{0};
    trouble_ = "it stood still";
}

Snapshot Client::snapshot() const
{
    Snapshot snapshot;
    snapshot.running = ready_;
    snapshot.protection = ready_ ? page_->protection.load() : 0;
    snapshot.firings = page_->firings.load();
    const auto deadline = page_->deadline.load();
    if (ready_ && deadline != never && deadline != has_fired)
        snapshot.left = event::Duration(deadline) - event::Loop::now();
    snapshot.watchdog = ready_ && watchdog_armed_ && page_->unfed == 0;
    snapshot.watchdog_trouble = watchdog_trouble_;
    if (ready_ && page_->unfed != 0)
        snapshot.watchdog_trouble = "it is not fed any more: what had to be killed does not die";
    if (!ready_) snapshot.trouble = trouble_;
    return snapshot;
}

} // namespace roleswap::guard
