#include "run/cgroup.hpp"
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <memory>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <system_error>
#include <unistd.h>

namespace roleswap::run {
namespace {

/// The kernel puts off the second notification within 10 ms, and drops it where the cgroup is
/// removed meanwhile, as systemd does with units that end at once.
constexpr auto look_every = std::chrono::milliseconds(50);

std::string read_all(int file)
{
    std::array<char, 4096> text{};
    const auto got = ::pread(file, text.data(), text.size(), 0);
    return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : std::string();
}

void write_file(const std::string& path, std::string_view text)
{
    const event::UniqueFd file(
        event::check(::open(path.c_str(), O_WRONLY | O_CLOEXEC), "open " + path));
    event::check(static_cast<int>(::write(file.get(), text.data(), text.size())), "write " + path);
}

std::optional<std::int64_t> number_after(std::string_view text, std::string_view key)
{
    const auto at = text.find(key);
    if (at == std::string_view::npos) return std::nullopt;
    std::int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + at + key.size(), end, value);
    return parsed.ec == std::errc{} ? std::optional(value) : std::nullopt;
}

void make_folder(const std::string& path)
{
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
        throw std::system_error(errno, std::generic_category(), "make " + path);
}

} // namespace

void Cgroup::create() const
{
    event::check(::mkdir(path_.c_str(), 0755), "make " + path_);
}

void Cgroup::create_if_missing() const
{
    make_folder(path_);
}

event::UniqueFd Cgroup::open() const
{
    return event::UniqueFd(
        event::check(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), "open " + path_));
}

void Cgroup::kill() const
{
    write_file(path_ + "/cgroup.kill", "1");
}

void Cgroup::kill_if_there() const
{
    try {
        kill();
    } catch (const std::system_error&) {
        if (populated()) throw;
    }
}

bool Cgroup::remove_if_empty() const noexcept
{
    return ::rmdir(path_.c_str()) == 0 || errno == ENOENT;
}

void Cgroup::remove() const noexcept
{
    if (remove_if_empty()) return;
    struct Close {
        void operator()(DIR* folder) const noexcept { ::closedir(folder); }
    };
    const std::unique_ptr<DIR, Close> folder(::opendir(path_.c_str()));
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
        Cgroup(path_ + "/" + entry->d_name).remove();
    }
    ::rmdir(path_.c_str());
}

std::string Cgroup::read(const char* file) const
{
    const event::UniqueFd fd(::open((path_ + "/" + file).c_str(), O_RDONLY | O_CLOEXEC));
    return fd ? read_all(fd.get()) : std::string();
}

bool Cgroup::populated() const
{
    return number("cgroup.events", "populated ") == 1;
}

/// Also where there is no descriptor left to look with, what is in it must not be forgotten.
bool Cgroup::surely_empty() const
{
    if (const auto value = number("cgroup.events", "populated ")) return *value == 0;
    return ::access(path_.c_str(), F_OK) != 0 && errno == ENOENT;
}

std::int64_t Cgroup::cpu_us() const
{
    return number("cpu.stat", "usage_usec ").value_or(0);
}

std::optional<std::uint64_t> Cgroup::peak_memory() const
{
    const auto value = number("memory.peak", "");
    return value ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
}

std::optional<std::int64_t> Cgroup::number(const char* file, std::string_view key) const
{
    return number_after(read(file), key);
}

bool Cgroup::has(const char* file) const
{
    return ::access((path_ + "/" + file).c_str(), F_OK) == 0;
}

std::size_t Cgroup::processes() const
{
    const auto text = read("cgroup.procs");
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

std::optional<Cgroup::Io> Cgroup::io() const
{
    const event::UniqueFd fd(::open((path_ + "/io.stat").c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return std::nullopt;
    const auto text = read_all(fd.get());
    Io sum;
    for (std::string_view rest = text; !rest.empty();) {
        const auto line = rest.substr(0, rest.find('\n'));
        sum.read += static_cast<std::uint64_t>(number_after(line, "rbytes=").value_or(0));
        sum.written += static_cast<std::uint64_t>(number_after(line, "wbytes=").value_or(0));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
    return sum;
}

EmptyWatch::EmptyWatch(event::Loop& loop, const Cgroup& cgroup, std::function<void()> on_empty)
    : events_(::open((cgroup.path() + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC)),
      on_empty_(std::move(on_empty)), first_(
                                          loop, [this] { look(); }, event::Priority::low),
      again_(
          loop, [this] { look(); }, event::Priority::low)
{
    if (!events_ && errno != ENOENT) event::check(-1, "open " + cgroup.path() + "/cgroup.events");
    if (events_)
        io_.emplace(
            loop, events_.get(), EPOLLPRI, [this](std::uint32_t) { look(); }, event::Priority::low);
    first_.trigger();
    again_.start_every(look_every);
}

void EmptyWatch::look()
{
    // Reading arms the notification anew, so nothing is missed between the two.  Nothing can be
    // read of a cgroup that systemd has removed, which it does only when it is empty.
    const auto text = events_ ? read_all(events_.get()) : std::string();
    if ((!text.empty() && number_after(text, "populated ") != 0) || !on_empty_) return;
    const auto callback = std::exchange(on_empty_, nullptr); // it may destroy this watch
    callback();
}

std::string cgroup_mount()
{
    for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        struct statfs info {};
        if (::statfs(path, &info) == 0 &&
            static_cast<unsigned long>(info.f_type) == CGROUP2_SUPER_MAGIC)
            return path;
    }
    throw std::runtime_error("no cgroup v2 hierarchy at /sys/fs/cgroup");
}

/// cgroups(7): the line "0::PATH" of /proc/PID/cgroup.
std::string cgroup_of(const std::string& pid)
{
    const auto path = fmt::format("/proc/{}/cgroup", pid);
    const event::UniqueFd file(
        event::check(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "open " + path));
    const auto text = "\n" + read_all(file.get());
    const auto at = text.find("\n0::");
    if (at == std::string::npos) throw std::runtime_error("process " + pid + " is in no cgroup v2");
    return text.substr(at + 4, text.find('\n', at + 4) - at - 4);
}

Cgroup make_task_root(const std::string& name)
{
    const auto mount = cgroup_mount();
    const auto own = cgroup_of("self");
    const auto base = own == "/" ? mount : mount + own;
    const Cgroup root(base + "/roleswap-" + name);
    make_folder(root.path());
    if (::access((root.path() + "/cgroup.kill").c_str(), W_OK) != 0) {
        const int error = errno;
        root.remove();
        throw std::system_error(error, std::generic_category(), root.path() + "/cgroup.kill");
    }
    if (own != "/") {
        make_folder(base + "/main");
        write_file(base + "/main/cgroup.procs", "0");
    }
    return root;
}

} // namespace roleswap::run
