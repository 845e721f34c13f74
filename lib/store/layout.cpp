#include "store/layout.hpp"
#include "event/fd.hpp"
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

namespace roleswap::store {

namespace fs = std::filesystem;

namespace {

void write_all(int fd, std::string_view text, const fs::path& path)
{
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        event::check(static_cast<int>(written), "write " + path.string());
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void sync_folder(const fs::path& folder)
{
    const event::UniqueFd fd(event::check(
        ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open " + folder.string()));
    event::check(::fsync(fd.get()), "sync " + folder.string());
}

} // namespace

Layout::Layout(const Options& options)
    : external_(options.external.has_value()),
      settings_(external_ ? options.external->own_conf()
                          : fs::path(options.data_dir) / "store/postgresql.conf"),
      base_(fs::path(options.data_dir) / (external_ ? "external" : "store")),
      cluster_(external_ ? options.external->data : base_ / "pg"),
      sockets_(fs::path(options.run_dir) / "store"),
      isolated_(fs::path(options.run_dir) / "isolated"),
      spool_(fs::path(options.data_dir) / "history")
{
    const auto& user = external_ ? options.external->owner : options.user;
    if (::geteuid() == 0) user_ = event::find_user(user);
    if (::geteuid() != 0 && external_)
        throw std::runtime_error("an external store needs roleswapd to run as root: it asks "
                                 "systemd to start and stop " +
                                 options.external->unit);
    fs::create_directories(base_);
    fs::create_directories(sockets_);
    fs::create_directories(isolated_);
    fs::create_directories(spool_);
    for (const auto& folder : {base_, isolated_, spool_})
        fs::permissions(folder, fs::perms::owner_all);
    fs::permissions(sockets_, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec);
    for (const auto& folder : {base_, sockets_, isolated_}) own(folder);
    if (is_ours()) finish_exchange();
}

void Layout::own(const fs::path& path) const
{
    if (!user_) return;
    event::check(::chown(path.c_str(), user_->uid, user_->gid), "give away " + path.string());
}

fs::path Layout::beside(const std::string& what) const
{
    if (!external_) return base_ / ("pg." + what);
    return cluster_.parent_path() / (cluster_.filename().string() + ".roleswap-" + what);
}

std::vector<fs::path> Layout::waste() const
{
    std::vector<fs::path> found;
    const auto waste = beside("waste.").filename().string();
    for (const auto& entry : fs::directory_iterator(cluster_.parent_path()))
        if (entry.path() == old() || entry.path() == fresh() || entry.path() == sample() ||
            entry.path().filename().string().starts_with(waste))
            found.push_back(entry.path());
    return found;
}

bool Layout::may_replace() const
{
    return !external_ || is_fresh(cluster_) || fs::exists(file("replace"));
}

fs::path Layout::settings_file() const
{
    return settings_;
}

bool Layout::is_ours() const
{
    return !external_ || fs::exists(file("adopted")) || may_replace();
}

bool Layout::is_untouched() const
{
    return external_ && !fs::exists(file("touched"));
}

void Layout::mark_touched() const
{
    if (is_untouched()) write(file("touched"), "started by roleswapd\n", 0600);
}

void Layout::adopt() const
{
    if (!external_) return;
    write(file("adopted"), "this cluster is the store of a roleswap node\n", 0600);
    fs::remove(file("replace"));
    sync_folder(base_);
}

bool Layout::has_cluster() const
{
    if (external_ && !fs::exists(file("adopted"))) return false;
    return fs::exists(cluster() / "PG_VERSION") && fs::exists(cluster() / "global/pg_control");
}

bool Layout::is_torn() const
{
    return fs::exists(file("torn"));
}

void Layout::mark_torn() const
{
    write(file("torn"), "a rewind was started and did not end\n", 0600);
    sync_folder(base_);
}

void Layout::clear_torn() const
{
    fs::remove(file("torn"));
}

bool Layout::has_led() const
{
    return fs::exists(file("led"));
}

void Layout::mark_led() const
{
    if (has_led()) return;
    write(file("led"), "primary, and not a standby since\n", 0600);
    sync_folder(base_);
}

void Layout::clear_led() const
{
    fs::remove(file("led"));
}

bool Layout::is_standby() const
{
    return fs::exists(cluster() / "standby.signal");
}

void Layout::mark_standby() const
{
    if (is_standby()) return;
    write(cluster() / "standby.signal", "", 0600);
    sync_folder(cluster());
}

void Layout::mark_primary() const
{
    if (fs::remove(cluster() / "standby.signal")) sync_folder(cluster());
}

void Layout::exchange() const
{
    adopt(); // a crash from here on: what is there is foreign, and copied again
    fs::rename(fresh(), ready()); // complete from here on
    sync_folder(cluster_.parent_path());
    finish_exchange();
}

fs::path Layout::keep_aside() const
{
    fs::path place;
    for (int number = 1; place.empty() || fs::exists(place); ++number)
        place = beside(fmt::format("kept.{}", number));
    fs::rename(cluster(), place);
    sync_folder(cluster_.parent_path());
    clear_led();
    return place;
}

std::uint64_t Layout::free_bytes() const
{
    struct statvfs info {};
    const auto folder = cluster_.parent_path();
    event::check(::statvfs(folder.c_str(), &info), "look at the room of " + folder.string());
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

void Layout::finish_exchange() const
{
    if (!fs::exists(ready())) return;
    if (fs::exists(cluster())) {
        if (fs::exists(old())) fs::rename(old(), beside(fmt::format("waste.{}", ::getpid())));
        fs::rename(cluster(), old());
    }
    clear_torn(); // of the one before
    fs::rename(ready(), cluster());
    sync_folder(cluster_.parent_path());
}

void Layout::write(const fs::path& path, std::string_view text, mode_t mode) const
{
    const fs::path temporary = path.string() + ".tmp";
    const event::UniqueFd fd(
        event::check(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode),
                     "make " + temporary.string()));
    event::check(::fchmod(fd.get(), mode), "change mode of " + temporary.string());
    write_all(fd.get(), text, temporary);
    own(temporary);
    fs::rename(temporary, path);
}

namespace {

bool is_of_postgres(const fs::path& process)
{
    std::string name;
    std::ifstream(process / "comm") >> name;
    return name == "postgres" || name == "pg_rewind";
}

} // namespace

std::vector<pid_t> processes_in(const fs::path& folder)
{
    std::error_code gone; // processes end while one looks
    const auto wanted = fs::weakly_canonical(folder, gone);
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc", gone)) {
        const auto name = entry.path().filename().string();
        if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); }))
            continue;
        const auto cwd = fs::read_symlink(entry.path() / "cwd", gone);
        if (!gone && cwd == wanted && is_of_postgres(entry.path()))
            found.push_back(static_cast<pid_t>(std::stol(name)));
    }
    return found;
}

} // namespace roleswap::store
