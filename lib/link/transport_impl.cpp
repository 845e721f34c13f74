#include "link/transport_impl.hpp"
#include "base/ensure.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <sodium.h>
#include <stdexcept>
#include <utility>

namespace roleswap::link {
namespace {

constexpr Duration mend_every{500'000};
constexpr Duration turn_min{1'000};
constexpr unsigned turn_datagrams_max = 256;   ///< then the other sources of the loop have a turn
constexpr unsigned pause_datagrams_max = 4096; ///< more than a socket buffer holds
constexpr std::size_t links_max = Nonces::count_max;

/// While all is well the look at the links has no turn of its own but goes with one of a heartbeat:
/// between the two there is always one.
Duration turn_every(const Options& options)
{
    return options.dead_after / 4;
}
Duration turn_slack(const Options& options)
{
    return options.dead_after / 8;
}

wire::Token random_token()
{
    wire::Token token{};
    randombytes_buf(token.data(), token.size());
    return token;
}

/// On a slow serial line a challenge and its answer wait behind the messages under way.
Duration token_life(const Options& options)
{
    Duration life{1'000'000};
    for (const auto& link : options.links)
        if (link.is_serial())
            life = std::max(life, 8 * wire::serial_pace(link.baud, options.heartbeat).message);
    return life;
}

Options checked(Options options)
{
    if (options.links.empty() || options.links.size() > links_max)
        throw std::invalid_argument(
            fmt::format("{} links; one to {} are possible", options.links.size(), links_max));
    if (options.boot == 0) throw std::invalid_argument("the boot counter starts at 1");
    if (options.heartbeat.count() <= 0 || options.dead_after < 2 * options.heartbeat)
        throw std::invalid_argument(
            fmt::format("dead_after is {} us; it must be at least two heartbeats of {} us",
                        options.dead_after.count(), options.heartbeat.count()));
    if (options.up_after == 0) throw std::invalid_argument("up_after is 0; at least 1 is needed");
    return options;
}

} // namespace

Transport::Impl::Impl(event::Loop& loop, Options options, Handler& handler, Transport& facade)
    : options_(checked(std::move(options))), handler_(handler), facade_(facade),
      seal_(options_.key, options_.pair, options_.self), boots_(random_token, token_life(options_)),
      asking_([this](const wire::Frame& frame, Route route) { send(frame, route); }),
      serving_([this](const wire::Frame& frame, Route route) { send(frame, route); },
               [this](RequestId id, wire::View bytes) {
                   handler_.on_request(bytes, Responder(facade_, id, boots_.confirmed()));
               }),
      turn_at_(event::Loop::now()),
      sockets_(
          loop, [this](std::size_t index) { drain(index, Reading::heartbeat); },
          [this] { end_turn(); }),
      deferred_(loop, [this] { fail_refused(); }),
      timer_(
          loop, [this] { tick(); }, event::Priority::high)
{
    for (std::size_t index = 0; index < options_.links.size(); ++index)
        channels_.push_back(std::make_unique<Channel>(sockets_, options_, index, seal_));
    plan_turn(turn_at_);
}

wire::Envelope Transport::Impl::next_envelope()
{
    wire::Envelope envelope;
    envelope.boot = options_.boot;
    envelope.to_boot = boots_.confirmed();
    envelope.sequence = ++sequence_;
    return envelope;
}

void Transport::Impl::send(const wire::Frame& frame, Route route)
{
    const auto envelope = next_envelope();
    const auto now = event::Loop::now();
    const auto only = route == Route::best ? best() : std::nullopt;
    if (only) return send(*channels_[*only], envelope, frame, now);
    // They leave close to each other, so that the peer takes all copies in one turn.
    Nonces nonces(channels_.size());
    std::array<wire::Bytes, links_max> sealed;
    for (std::size_t index = 0; index < channels_.size(); ++index)
        sealed.at(index) = channels_[index]->seal(envelope, frame, now, nonces);
    for (std::size_t index = 0; index < channels_.size(); ++index)
        channels_[index]->send(sealed.at(index), frame, now);
}

void Transport::Impl::send(Channel& channel, const wire::Envelope& envelope,
                           const wire::Frame& frame, Duration now)
{
    Nonces nonces(1);
    channel.send(channel.seal(envelope, frame, now, nonces), frame, now);
}

void Transport::Impl::broadcast(wire::View bytes)
{
    base::ensure(bytes.size() <= broadcast_bytes_max, "broadcast fits one datagram");
    send(wire::Broadcast{bytes}, Route::all);
}

RequestId Transport::Impl::request(wire::View bytes, Duration timeout, OnAnswer on_answer)
{
    if (bytes.size() > message_bytes_max) {
        refused_.push_back(std::move(on_answer));
        deferred_.trigger();
        return 0;
    }
    const auto id = asking_.add({bytes.begin(), bytes.end()}, event::Loop::now() + timeout,
                                std::move(on_answer));
    settle();
    return id;
}

void Transport::Impl::fail_refused()
{
    for (const auto& on_answer : std::exchange(refused_, {})) on_answer(RequestError::too_long);
}

void Transport::Impl::reply(RequestId id, std::uint64_t boot, wire::View bytes)
{
    if (bytes.size() > message_bytes_max)
        throw std::length_error(
            fmt::format("a reply of {} bytes; {} are possible", bytes.size(), message_bytes_max));
    if (boot != boots_.confirmed()) return; // who asked is gone
    serving_.reply(id, {bytes.begin(), bytes.end()}, event::Loop::now());
    settle();
}

std::optional<std::size_t> Transport::Impl::best() const
{
    const auto found = std::ranges::find_if(
        channels_, [](const auto& channel) { return channel->up() && !channel->is_serial(); });
    if (found == channels_.end()) return {};
    return static_cast<std::size_t>(found - channels_.begin());
}

bool Transport::Impl::any_live() const
{
    return std::ranges::any_of(channels_, [](const auto& channel) { return channel->up(); });
}

LinkState Transport::Impl::any_state() const
{
    return any_live() ? LinkState::up : LinkState::down;
}

bool Transport::Impl::paused(Duration now) const
{
    return now - turn_at_ > 2 * options_.dead_after / 3; // two turns with heartbeats are missing
}

/// Behind a heartbeat there is nothing, as a rule: the group tells at its next turn where there is.
/// What came while this process stood still is read to its end, and so is a serial line, whose
/// port may hold messages that its descriptor does not show.
void Transport::Impl::drain(std::size_t index, Reading reading)
{
    Opened opened;
    const auto most = reading == Reading::all ? pause_datagrams_max : turn_datagrams_max;
    for (unsigned count = 0; count < most; ++count) {
        const auto read = channels_[index]->receive(opened);
        if (read == Channel::Read::nothing) break;
        if (read == Channel::Read::refused) continue;
        const bool stale = paused(event::Loop::now());
        take(index, opened, stale ? Monitor::Timing::stale : Monitor::Timing::exact);
        const bool more = stale || reading == Reading::all || channels_[index]->is_serial();
        if (!more && std::holds_alternative<wire::Broadcast>(opened.content.frame)) break;
    }
}

void Transport::Impl::take(std::size_t index, const Opened& opened, Monitor::Timing timing)
{
    auto& channel = *channels_[index];
    const auto& envelope = opened.content.envelope;
    const auto now = event::Loop::now();
    if (const auto* asked = std::get_if<wire::Challenge>(&opened.content.frame);
        asked != nullptr && asked->boot == options_.boot)
        send(channel, next_envelope(), wire::ChallengeAnswer{asked->token}, now);
    if (!of_living_peer(index, opened.content) || !channel.accept(envelope)) return;
    if (channel.heard(envelope, now, timing)) handler_.on_link(index, channel.status(now));
    if (window_.accept(envelope.sequence) == wire::ReplayWindow::Verdict::fresh)
        deliver(index, opened.content);
    else
        channel.count_duplicate();
}

/// Boots of the peer that are not the confirmed one are challenged, and only their answer counts.
bool Transport::Impl::of_living_peer(std::size_t index, const wire::Content& content)
{
    const auto boot = content.envelope.boot;
    const auto now = event::Loop::now();
    switch (boots_.judge(boot, any_state())) {
    case PeerBoot::Verdict::current:
        return true;
    case PeerBoot::Verdict::old:
        channels_[index]->refuse(Rejection::old_boot);
        return false;
    case PeerBoot::Verdict::unknown:
        break;
    }
    const auto* answer = std::get_if<wire::ChallengeAnswer>(&content.frame);
    if (answer != nullptr && boots_.answered(boot, answer->token, now)) {
        confirmed(content.envelope);
        return true;
    }
    channels_[index]->refuse(Rejection::unconfirmed_boot);
    if (const auto challenge = boots_.challenge(boot, now)) send(*challenge, Route::all);
    return false;
}

void Transport::Impl::confirmed(const wire::Envelope& envelope)
{
    for (const auto& channel : channels_) channel->fresh_peer(envelope.sequence);
    window_.start_at(envelope.sequence);
    serving_.reset();
    asking_.peer_is(envelope.boot);
}

void Transport::Impl::deliver(std::size_t index, const wire::Content& content)
{
    const auto now = event::Loop::now();
    const bool for_this_boot = content.envelope.to_boot == options_.boot;
    if (const auto* message = std::get_if<wire::Broadcast>(&content.frame)) {
        handler_.on_message(message->bytes, index);
    } else if (!for_this_boot) {
        return; // what the peer asked an earlier start of this node dies with that
    } else if (const auto* fragment = std::get_if<wire::Fragment>(&content.frame)) {
        if (fragment->transfer == wire::Transfer::request)
            serving_.on_fragment(*fragment, now);
        else
            asking_.on_fragment(*fragment);
    } else if (const auto* ack = std::get_if<wire::Ack>(&content.frame)) {
        if (ack->transfer == wire::Transfer::request)
            asking_.on_ack(*ack);
        else
            serving_.on_ack(*ack, now);
    }
}

Duration Transport::Impl::repeat_after() const
{
    const auto index = best();
    const auto rtt = index ? channels_[*index]->monitor().rtt() : std::nullopt;
    return std::max(options_.dead_after / 4, 4 * rtt.value_or(Duration{0}));
}

/// Nothing reliable is sent while no link for it lives: it would be lost, and sent again and again.
void Transport::Impl::settle()
{
    asking_.flush_acks();
    serving_.flush_acks();
    if (!best()) return;
    const auto now = event::Loop::now();
    asking_.pump(now, repeat_after(), boots_.confirmed());
    serving_.pump(now, repeat_after());
}

void Transport::Impl::judge_links(Duration now)
{
    const bool was_paused = paused(now);
    for (std::size_t index = 0; index < channels_.size(); ++index) {
        auto& monitor = channels_[index]->monitor();
        if (was_paused || monitor.suspect(now)) drain(index, Reading::all);
        if (was_paused) monitor.excuse(now);
        if (monitor.silent(now)) handler_.on_link(index, channels_[index]->status(now));
    }
}

void Transport::Impl::end_turn()
{
    if (event::Loop::now() - turn_at_ < turn_every(options_)) return settle();
    tick();
}

void Transport::Impl::tick()
{
    const auto now = event::Loop::now();
    judge_links(now);
    turn_at_ = now;
    if (now >= mend_at_) {
        mend_at_ = now + mend_every;
        for (const auto& channel : channels_) channel->mend();
        serving_.forget(now);
    }
    asking_.expire(now);
    settle();
    plan_turn(now);
}

/// A link is called dead when it is, not at the next turn that comes anyway.
void Transport::Impl::plan_turn(Duration now)
{
    // Without a peer there is no turn to go with but one of another timer.
    auto slack = any_live() ? Duration{0} : turn_slack(options_);
    auto next = now + turn_every(options_) + turn_slack(options_) - slack;
    for (const auto& channel : channels_) {
        const auto deadline = channel->monitor().deadline();
        if (!deadline || *deadline > next + slack) continue;
        slack = Duration{0};
        next = std::min(next, *deadline);
    }
    timer_.set_slack(slack);
    timer_.start_in(std::max(next - now, turn_min));
}

} // namespace roleswap::link
