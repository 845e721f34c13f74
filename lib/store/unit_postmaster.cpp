#include "event/fd.hpp"
#include "store/conf_file.hpp"
#include "store/layout.hpp"
#include "store/postmaster.hpp"
#include "store/systemd_unit.hpp"
#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace roleswap::store {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// How often the server's log is read on, and its first process looked for.
constexpr event::Duration log_look_every = 5ms;
/// A unit whose processes are all dead is inactive soon after; one that was running is stopped as
/// the distribution does it, with a checkpoint.
constexpr event::Duration settle_max = 30s;

std::string text_of(const fs::path& path)
{
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

class UnitPostmaster final : public Postmaster {
public:
    UnitPostmaster(event::Loop& loop, const Options& options, const Layout& layout, Events events);
    ~UnitPostmaster() override;

    void launch(ServerKind as) override;
    bool present() const override { return present_; }
    pid_t pid() const override { return pid_; }
    void signal(int number) noexcept override
    {
        // By descriptor: never to another process that got the number.
        if (process_) ::syscall(SYS_pidfd_send_signal, process_.get(), number, nullptr, 0);
    }
    Task<> settle(Sequencer& by) override;

private:
    void install_drop_in();
    void ask_start();
    void unit_changed();
    void job_ended(const std::string& trouble);
    void look();
    void read_log();
    bool find_process();
    void end(std::string how);

    event::Loop& loop_;
    const External& external_;
    const Layout& layout_;
    const std::string token_;
    Events events_;
    bool present_ = false;
    bool expected_ = false; ///< we end it
    bool by_hand_ = false;
    bool reload_due_ = false; ///< systemd does not know the drop-in yet
    pid_t pid_ = 0;
    off_t log_read_ = 0;
    std::uint64_t stops_ = 0;   ///< asked of systemd,
    std::uint64_t stopped_ = 0; ///< and answered
    event::UniqueFd process_;
    std::unique_ptr<event::Io> process_io_;
    event::Timer look_;
    SystemdUnit unit_;
};

UnitPostmaster::UnitPostmaster(event::Loop& loop, const Options& options, const Layout& layout,
                               Events events)
    : loop_(loop), external_(*options.external), layout_(layout),
      token_(options.run_dir + "/store-start"), events_(std::move(events)),
      look_(loop, [this] { look(); }), unit_(loop, external_.unit, [this] { unit_changed(); })
{
    fs::remove(token_);
    if (layout_.is_ours()) install_drop_in();
}

UnitPostmaster::~UnitPostmaster()
{
    std::error_code ignored;
    fs::remove(token_, ignored);
    signal(SIGQUIT);
}

/// At once, not before the first start: it must hold from now on.
void UnitPostmaster::install_drop_in()
{
    const auto text = drop_in_text(token_);
    if (text_of(external_.drop_in()) == text) return;
    fs::create_directories(external_.drop_in().parent_path());
    std::ofstream file(external_.drop_in(), std::ios::binary | std::ios::trunc);
    file << text;
    if (!file.flush()) throw std::runtime_error("cannot write " + external_.drop_in().string());
    reload_due_ = true;
    unit_.reload_manager([this](const std::string& trouble) { reload_due_ = !trouble.empty(); });
}

void UnitPostmaster::launch(ServerKind)
{
    install_drop_in();
    const auto auto_conf = layout_.cluster() / "postgresql.auto.conf";
    layout_.write(auto_conf, without_reserved(text_of(auto_conf)), 0600);
    struct stat info {};
    log_read_ = ::stat(external_.log.c_str(), &info) == 0 ? info.st_size : 0;
    present_ = true;
    expected_ = by_hand_ = false;
    if (!reload_due_) return ask_start();
    unit_.reload_manager([this](const std::string& trouble) {
        reload_due_ = !trouble.empty();
        if (!present_) return;
        if (reload_due_) return end("systemd does not read its files: " + trouble);
        ask_start();
    });
}

void UnitPostmaster::ask_start()
{
    if (!std::ofstream(token_).flush()) throw std::runtime_error("cannot write " + token_);
    look_.start_every(log_look_every);
    unit_.start([this](const std::string& trouble) { job_ended(trouble); });
}

void UnitPostmaster::job_ended(const std::string& trouble)
{
    std::error_code ignored;
    fs::remove(token_, ignored);
    if (!present_ || process_ || find_process()) return; // its end is told by its descriptor
    if (trouble.empty()) return end(external_.unit + " has started no server");
    end(fmt::format("systemd cannot start {}: {}", external_.unit, trouble));
}

/// While it is "activating", our token has done its part.
void UnitPostmaster::unit_changed()
{
    std::error_code ignored;
    if (unit_.active() == "activating" || unit_.active() == "active") fs::remove(token_, ignored);
    // A crash is "stop-sigterm": it is systemd that tidies up.
    if (present_ && !expected_ && unit_.active() == "deactivating" && unit_.sub() == "stop")
        by_hand_ = true;
}

void UnitPostmaster::look()
{
    if (!process_) find_process();
    read_log();
}

void UnitPostmaster::read_log()
{
    const event::UniqueFd file(::open(external_.log.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return;
    struct stat info {};
    if (::fstat(file.get(), &info) == 0 && info.st_size < log_read_) log_read_ = 0; // rotated
    std::array<char, 16384> text{};
    for (;;) {
        const auto got = ::pread(file.get(), text.data(), text.size(), log_read_);
        if (got <= 0) return;
        log_read_ += got;
        events_.on_output({text.data(), static_cast<std::size_t>(got)});
    }
}

/// The server itself writes its number into its cluster before anything else.
bool UnitPostmaster::find_process()
{
    const int number = std::atoi(text_of(layout_.cluster() / "postmaster.pid").c_str());
    if (number <= 0) return false;
    process_ = event::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, number, 0)));
    std::error_code gone;
    const auto cwd = fs::read_symlink(fmt::format("/proc/{}/cwd", number), gone);
    if (!process_ || gone || cwd != fs::weakly_canonical(layout_.cluster())) {
        process_.reset();
        return false;
    }
    pid_ = number;
    process_io_ =
        std::make_unique<event::Io>(loop_, process_.get(), EPOLLIN, [this](std::uint32_t) {
            end(fmt::format("process {} of {}", pid_, external_.unit));
        });
    return true;
}

void UnitPostmaster::end(std::string how)
{
    if (!present_) return;
    read_log();
    present_ = false;
    look_.stop();
    pid_ = 0;
    const auto calling = std::move(process_io_); // perhaps
    process_.reset();
    if (by_hand_) how = fmt::format("somebody else stopped {}", external_.unit);
    events_.on_end({std::move(how), by_hand_});
}

/// Of a unit that is in the middle of a start this ends the start, too.
Task<> UnitPostmaster::settle(Sequencer& by)
{
    expected_ = true;
    const auto ticket = ++stops_;
    unit_.stop([this, ticket](const std::string&) { stopped_ = ticket; });
    const auto patience = event::Loop::now() + settle_max;
    while (stopped_ < ticket && event::Loop::now() < patience) co_await by.sleep(2ms);
    if (stopped_ < ticket) throw std::runtime_error("systemd does not stop " + external_.unit);
    end("stopped");
}

} // namespace

std::unique_ptr<Postmaster> make_unit_postmaster(event::Loop& loop, const Options& options,
                                                 const Layout& layout, Postmaster::Events events)
{
    return std::make_unique<UnitPostmaster>(loop, options, layout, std::move(events));
}

} // namespace roleswap::store
