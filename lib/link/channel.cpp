#include "link/channel.hpp"
#include "wire/serial_frame.hpp"
#include <algorithm>
#include <cstring>
#include <system_error>

namespace roleswap::link {
namespace {

Rejection rejection_of(wire::Error error)
{
    return error == wire::Error::bad_version ? Rejection::wrong_version : Rejection::malformed;
}

wire::SerialPace pace_of(const LinkOptions& link, Duration heartbeat)
{
    return link.is_serial() ? wire::serial_pace(link.baud, heartbeat) : wire::SerialPace{};
}

Monitor::Limits limits_of(const Options& options, const LinkOptions& link)
{
    if (!link.is_serial()) return {options.heartbeat, options.dead_after, options.up_after};
    const auto pace = pace_of(link, options.heartbeat);
    return {pace.interval, pace.dead_after, options.up_after};
}

} // namespace

Channel::Channel(event::IoGroup& group, const Options& options, std::size_t index, const Seal& seal)
    : group_(group), options_(options.links.at(index)), heartbeat_(options.heartbeat),
      pace_(pace_of(options_, heartbeat_)), make_port_(options.make_port), seal_(seal),
      monitor_(limits_of(options, options_))
{
    sending_ = {wire::protocol_version, seal.pair_tag(), options.self,
                static_cast<std::uint8_t>(index)};
    header_ = wire::encode(sending_);
    status_.name = options_.name;
    status_.local = options_.local;
    status_.remote = options_.remote;
    status_.baud = options_.baud;
    status_.interval = is_serial() ? pace_.interval : options.heartbeat;
    open();
}

void Channel::open()
{
    io_.reset();
    port_.reset();
    send_fails_ = false;
    try {
        port_ = make_port_(options_);
    } catch (const std::system_error& error) { // the address or its device is not there
        status_.trouble = error.what();
        return;
    }
    status_.device = port_->device();
    status_.trouble.clear();
    io_ = std::make_unique<event::IoGroup::Member>(group_, port_->fd(), sending_.link);
}

void Channel::close(std::string why)
{
    io_.reset();
    port_.reset();
    status_.trouble = std::move(why);
}

bool Channel::has_room(const wire::Frame& frame, Duration now) const
{
    if (!is_serial()) return true;
    if (std::holds_alternative<wire::Broadcast>(frame)) return now >= due_at_ && now >= free_at_;
    if (std::holds_alternative<wire::Challenge>(frame)) return free_at_ <= now + pace_.message;
    return std::holds_alternative<wire::ChallengeAnswer>(frame) &&
           free_at_ <= now + 2 * pace_.message;
}

void Channel::note_time(const wire::Frame& frame, std::size_t bytes, Duration now)
{
    if (!is_serial()) return;
    free_at_ =
        std::max(free_at_, now) + wire::serial_time(options_.baud, wire::serial_frame_bytes(bytes));
    // Half a heartbeat early is on time: timers are not exact.
    if (std::holds_alternative<wire::Broadcast>(frame))
        due_at_ = now + pace_.interval - heartbeat_ / 2;
}

void Channel::mend()
{
    if (!port_ || (!up() && send_fails_)) open();
}

void Channel::note_send(int error)
{
    const bool fails = error != 0;
    if (fails) {
        status_.send_errors += 1;
        status_.trouble = std::string("send: ") + std::strerror(error);
    } else if (send_fails_) {
        status_.trouble.clear();
    }
    send_fails_ = fails;
}

wire::Bytes Channel::seal(wire::Envelope envelope, const wire::Frame& frame, Duration now,
                          Nonces& nonces)
{
    if (!port_ || !has_room(frame, now)) return {};
    envelope.link_sequence = ++sequence_;
    monitor_.tell(envelope, now);
    return seal_.close(header_, wire::encode(envelope, frame), nonces);
}

void Channel::send(wire::View datagram, const wire::Frame& frame, Duration now)
{
    if (!port_ || datagram.empty()) return;
    const int error = port_->send(datagram);
    note_send(error);
    if (error != 0) return;
    note_time(frame, datagram.size(), now);
    status_.sent.datagrams += 1;
    status_.sent.bytes += datagram.size();
}

std::optional<Rejection> Channel::check(const wire::Header& header) const
{
    if (header.pair_tag != sending_.pair_tag) return Rejection::wrong_pair;
    if (header.sender == sending_.sender) return Rejection::wrong_sender;
    if (header.link != sending_.link) return Rejection::wrong_link;
    return {};
}

Channel::Read Channel::receive(Opened& opened)
{
    std::array<std::uint8_t, wire::datagram_bytes_max> buffer;
    const auto size = port_ ? port_->receive(buffer) : std::nullopt;
    if (!size) {
        if (port_ && port_->gone()) close(options_.local + " went away");
        return Read::nothing;
    }
    const auto refused = [&](Rejection reason) {
        refuse(reason);
        return Read::refused;
    };
    if (*size > buffer.size()) return refused(Rejection::malformed);
    const auto datagram = wire::View(buffer).first(*size);
    const auto header = wire::decode_header(datagram);
    if (const auto* error = std::get_if<wire::Error>(&header)) return refused(rejection_of(*error));
    if (const auto reason = check(std::get<wire::Header>(header))) return refused(*reason);
    auto bytes = seal_.open(datagram);
    if (!bytes) return refused(Rejection::forged);
    opened.bytes = std::move(*bytes);
    const auto content = wire::decode_content(opened.bytes);
    if (const auto* error = std::get_if<wire::Error>(&content))
        return refused(rejection_of(*error));
    opened.content = std::get<wire::Content>(content);
    received_bytes_ = *size;
    return Read::opened;
}

bool Channel::accept(const wire::Envelope& envelope)
{
    if (window_.accept(envelope.sequence) == wire::ReplayWindow::Verdict::fresh) return true;
    refuse(Rejection::replayed);
    return false;
}

bool Channel::heard(const wire::Envelope& envelope, Duration now, Monitor::Timing timing)
{
    status_.received.datagrams += 1;
    status_.received.bytes += received_bytes_;
    return monitor_.heard(envelope, now, timing);
}

void Channel::fresh_peer(std::uint64_t sequence)
{
    window_.start_at(sequence);
    monitor_.fresh_peer();
}

LinkStatus Channel::status(Duration now) const
{
    auto status = status_;
    monitor_.describe(status, now);
    return status;
}

} // namespace roleswap::link
