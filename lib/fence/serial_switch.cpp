#include "base/escape.hpp"
#include "fence/device.hpp"
#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <sys/epoll.h>
#include <system_error>
#include <vector>

namespace roleswap::fence {
namespace {

constexpr std::size_t received_max = 4096; ///< of an answer; a switch says less
constexpr Duration quiet{300'000}; ///< an answer is over when nothing more comes for so long
constexpr Duration drain_every{10'000};

/// The port is open only while something is said, so both nodes may share a switch by a splitter.
class Switch final : public Device {
public:
    Switch(event::Loop& loop, SwitchOptions options, Duration limit)
        : loop_(loop), options_(std::move(options)), limit_(limit),
          limit_timer_(loop, [this] { time_out(); }), quiet_timer_(loop, [this] { pause(); }),
          failed_(loop, [this] { not_opened(); })
    {
    }

    std::string name() const override { return "serial switch on " + options_.port; }
    bool tells_power() const override { return !options_.status_off.empty(); }
    std::string why_unconfirmed() const override;
    void off(OnOutcome on_outcome) override;
    void look(OnLook on_look) override;
    void stop() override;

private:
    /// What came in until now: the wanted answer, no answer at all, or another one.
    enum class Heard : std::uint8_t { nothing, wanted, other };
    using OnHeard = std::function<void(Heard, const std::string& why)>;
    void say(const std::string& bytes, std::vector<std::string> wanted, OnHeard on_heard);
    void open(const std::string& bytes);
    void read();
    void pause();
    void time_out();
    void not_opened();
    void finish(Heard heard, const std::string& why);
    bool has(const std::string& answer) const
    {
        return !answer.empty() && received_.find(answer) != std::string::npos;
    }
    std::string told() const;

    event::Loop& loop_;
    SwitchOptions options_;
    Duration limit_;
    std::optional<serial::Line> line_;
    std::unique_ptr<event::Io> io_;
    std::vector<std::string> wanted_; ///< empty: it suffices that all bytes have left
    std::string received_;
    OnHeard on_heard_;
    std::string trouble_; ///< why the port is not open
    event::Timer limit_timer_;
    event::Timer quiet_timer_;
    event::Deferred failed_;
};

std::string Switch::why_unconfirmed() const
{
    if (!options_.off_answer.empty() || options_.trust) return {};
    return "no answer is configured that would confirm it (off_answer, or status and status_off)";
}

std::string Switch::told() const
{
    if (received_.empty()) return "the switch said nothing";
    return fmt::format("the switch said \"{}\"", base::escape(received_));
}

void Switch::open(const std::string& bytes)
{
    line_.emplace(options_.port, options_.line);
    io_ =
        std::make_unique<event::Io>(loop_, line_->fd(), EPOLLIN, [this](std::uint32_t) { read(); });
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    if (const int error = line_->write({data, bytes.size()}); error != 0)
        throw std::system_error(error, std::generic_category(), "write to " + options_.port);
}

void Switch::say(const std::string& bytes, std::vector<std::string> wanted, OnHeard on_heard)
{
    stop();
    wanted_ = std::move(wanted);
    std::erase(wanted_, "");
    on_heard_ = std::move(on_heard);
    received_.clear();
    trouble_.clear();
    try {
        open(bytes);
    } catch (const std::system_error& error) {
        trouble_ = error.what();
        return failed_.trigger();
    }
    limit_timer_.start_in(limit_);
    if (wanted_.empty()) quiet_timer_.start_every(drain_every);
}

void Switch::not_opened()
{
    if (!trouble_.empty()) finish(Heard::nothing, trouble_);
}

void Switch::read()
{
    std::array<std::uint8_t, 256> bytes{};
    for (auto got = line_->read(bytes); got > 0; got = line_->read(bytes))
        received_.append(reinterpret_cast<const char*>(bytes.data()), got);
    if (received_.size() > received_max) received_.erase(0, received_.size() - received_max);
    if (line_->gone()) return finish(Heard::nothing, options_.port + " went away");
    if (wanted_.empty()) return;
    for (const auto& answer : wanted_)
        if (has(answer)) return finish(Heard::wanted, told());
    if (!received_.empty()) quiet_timer_.start_in(quiet);
}

/// Nothing more came for a while; or, where nothing is waited for, the bytes may have left.
void Switch::pause()
{
    if (!wanted_.empty()) return finish(Heard::other, told());
    if (line_->unsent() == 0) finish(Heard::wanted, "sent");
}

void Switch::time_out()
{
    finish(Heard::nothing, fmt::format("{} within {} ms", told(), limit_.count() / 1000));
}

void Switch::stop()
{
    on_heard_ = {};
    limit_timer_.stop();
    quiet_timer_.stop();
    io_.reset();
    line_.reset();
}

void Switch::finish(Heard heard, const std::string& why)
{
    const auto on_heard = std::exchange(on_heard_, {});
    stop();
    if (on_heard) on_heard(heard, why);
}

void Switch::off(OnOutcome on_outcome)
{
    say(options_.off, {options_.off_answer},
        [on_outcome = std::move(on_outcome)](Heard heard, const std::string& why) {
            on_outcome({heard == Heard::wanted, why});
        });
}

void Switch::look(OnLook on_look)
{
    using enum Look::Power;
    if (!tells_power()) {
        return say("", {},
                   [this, on_look = std::move(on_look)](Heard heard, const std::string& why) {
                       const bool open = heard == Heard::wanted;
                       on_look({open ? unknown : failed, open ? options_.port + " opens" : why});
                   });
    }
    say(options_.status, {options_.status_off, options_.status_on},
        [this, on_look = std::move(on_look)](Heard heard, const std::string& why) {
            const bool is_off = has(options_.status_off);
            const bool is_on = has(options_.status_on);
            if (heard == Heard::nothing || (is_on && is_off)) return on_look({failed, why});
            // Without status_on, what is no "off" is taken for "on".
            const bool taken_on = is_on || (heard == Heard::other && options_.status_on.empty());
            on_look({is_off ? Look::Power::off : taken_on ? on : failed, why});
        });
}

} // namespace

std::unique_ptr<Device> make_switch(event::Loop& loop, const Options& options)
{
    return std::make_unique<Switch>(loop, std::get<SwitchOptions>(options.device),
                                    options.command_timeout);
}

} // namespace roleswap::fence
