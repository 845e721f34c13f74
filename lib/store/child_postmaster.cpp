#include "store/cluster_files.hpp"
#include "store/layout.hpp"
#include "store/postmaster.hpp"
#include <csignal>
#include <fmt/format.h>

namespace roleswap::store {
namespace {

class ChildPostmaster final : public Postmaster {
public:
    ChildPostmaster(event::Loop& loop, const Options& options, const Layout& layout, Events events)
        : loop_(loop), options_(options), layout_(layout), events_(std::move(events))
    {
    }
    ~ChildPostmaster() override { signal(SIGQUIT); }

    void launch(ServerKind as) override;
    bool present() const override { return process_ != nullptr; }
    pid_t pid() const override { return process_ ? process_->pid() : 0; }
    void signal(int number) noexcept override
    {
        if (process_) process_->signal(number);
    }
    Task<> settle(Sequencer&) override { co_return; }

private:
    event::Loop& loop_;
    const Options& options_;
    const Layout& layout_;
    Events events_;
    std::unique_ptr<event::Process> process_;
};

void ChildPostmaster::launch(ServerKind as)
{
    // What ALTER SYSTEM or a copy left there would override the configuration.
    layout_.write(layout_.cluster() / "postgresql.auto.conf", "", 0600);
    std::vector<std::string> settings{"config_file=" + layout_.settings_file().string(),
                                      "hba_file=" + layout_.file("pg_hba.conf").string(),
                                      "ident_file=" + layout_.file("pg_ident.conf").string()};
    if (as == ServerKind::isolated)
        for (auto& [name, value] : isolated_settings(layout_))
            settings.push_back(name + "=" + value);
    auto command = program_command(
        options_, layout_, {options_.bin_dir + "/postgres", "-D", layout_.cluster().string()});
    for (auto& setting : settings) {
        command.argv.emplace_back("-c");
        command.argv.push_back(std::move(setting));
    }
    command.death_signal = SIGQUIT;
    process_ = std::make_unique<event::Process>(
        loop_, command,
        [this](const event::Ended& how) {
            const auto gone = std::move(process_); // it is calling us
            events_.on_end({fmt::format("{} {}", how.exited ? "exit code" : "signal", how.status)});
        },
        [this](std::string_view text) { events_.on_output(text); });
}

} // namespace

std::unique_ptr<Postmaster> make_child_postmaster(event::Loop& loop, const Options& options,
                                                  const Layout& layout, Postmaster::Events events)
{
    return std::make_unique<ChildPostmaster>(loop, options, layout, std::move(events));
}

} // namespace roleswap::store
