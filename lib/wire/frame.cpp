#include "wire/frame.hpp"
#include <algorithm>

namespace roleswap::wire {
namespace {

constexpr std::uint16_t magic = 0x5273; // "Rs"
constexpr std::uint16_t permille_max = 1000;

void put(Writer& out, const Envelope& envelope)
{
    out.u64(envelope.boot);
    out.u64(envelope.to_boot);
    out.u64(envelope.sequence);
    out.u32(envelope.link_sequence);
    out.u64(envelope.sent_us);
    out.u64(envelope.echo_us);
    out.u32(envelope.held_us);
    out.u16(envelope.loss_permille);
}

Envelope get_envelope(Reader& in)
{
    Envelope envelope;
    envelope.boot = in.u64();
    envelope.to_boot = in.u64();
    envelope.sequence = in.u64();
    envelope.link_sequence = in.u32();
    envelope.sent_us = in.u64();
    envelope.echo_us = in.u64();
    envelope.held_us = in.u32();
    envelope.loss_permille = in.u16();
    return envelope;
}

void put(Writer& out, const Broadcast& frame)
{
    out.raw(frame.bytes);
}

void put(Writer& out, const Challenge& frame)
{
    out.u64(frame.boot);
    out.raw(frame.token);
}

void put(Writer& out, const ChallengeAnswer& frame)
{
    out.raw(frame.token);
}

void put(Writer& out, const Fragment& frame)
{
    out.u8(static_cast<std::uint8_t>(frame.transfer));
    out.u64(frame.id);
    out.u16(frame.index);
    out.u16(frame.count);
    out.raw(frame.bytes);
}

void put(Writer& out, const Ack& frame)
{
    out.u8(static_cast<std::uint8_t>(frame.transfer));
    out.u64(frame.id);
    out.u16(frame.count);
    out.raw(frame.have);
}

Token get_token(Reader& in)
{
    Token token{};
    std::ranges::copy(in.raw(token.size()), token.begin());
    return token;
}

/// A frame, or what is wrong with it.  The reader's own state tells of missing bytes.
using Got = Decoded<Frame>;

Got get_transfer(Reader& in, Transfer& transfer)
{
    const auto value = in.u8();
    if (value > 1) return Error::bad_value;
    transfer = static_cast<Transfer>(value);
    return Frame{};
}

Got get_fragment(Reader& in)
{
    Fragment frame;
    if (const auto got = get_transfer(in, frame.transfer); std::holds_alternative<Error>(got))
        return got;
    frame.id = in.u64();
    frame.index = in.u16();
    frame.count = in.u16();
    frame.bytes = in.rest();
    if (!in.ok()) return Error::truncated;
    if (frame.count == 0 || frame.count > fragments_max || frame.index >= frame.count)
        return Error::bad_value;
    const bool last = frame.index + 1 == frame.count;
    if (frame.bytes.size() > fragment_bytes) return Error::trailing;
    if (!last && frame.bytes.size() < fragment_bytes) return Error::truncated;
    return Frame{frame};
}

Got get_ack(Reader& in)
{
    Ack frame;
    if (const auto got = get_transfer(in, frame.transfer); std::holds_alternative<Error>(got))
        return got;
    frame.id = in.u64();
    frame.count = in.u16();
    if (!in.ok()) return Error::truncated;
    if (frame.count == 0 || frame.count > fragments_max) return Error::bad_value;
    frame.have = in.raw((frame.count + 7U) / 8U);
    return Frame{frame};
}

Got get_challenge(Reader& in)
{
    Challenge frame;
    frame.boot = in.u64();
    frame.token = get_token(in);
    return Frame{frame};
}

Got get_frame(Reader& in)
{
    switch (in.u8()) {
    case 0:
        return Frame{Broadcast{in.rest()}};
    case 1:
        return get_challenge(in);
    case 2:
        return Frame{ChallengeAnswer{get_token(in)}};
    case 3:
        return get_fragment(in);
    case 4:
        return get_ack(in);
    default:
        return Error::bad_kind;
    }
}

} // namespace

HeaderBytes encode(const Header& header)
{
    Writer out;
    out.u16(magic);
    out.u8(header.version);
    out.u32(header.pair_tag);
    out.u8(static_cast<std::uint8_t>(header.sender));
    out.u8(header.link);
    HeaderBytes bytes{};
    std::ranges::copy(out.take(), bytes.begin());
    return bytes;
}

Decoded<Header> decode_header(View datagram)
{
    if (datagram.size() < header_bytes) return Error::truncated;
    Reader in(datagram.first(header_bytes));
    Header header;
    if (in.u16() != magic) return Error::bad_magic;
    header.version = in.u8();
    if (header.version < protocol_version_oldest || header.version > protocol_version)
        return Error::bad_version;
    header.pair_tag = in.u32();
    const auto sender = in.u8();
    if (sender > 1) return Error::bad_value;
    header.sender = static_cast<core::Node>(sender);
    header.link = in.u8();
    return header;
}

Bytes encode(const Envelope& envelope, const Frame& frame)
{
    Writer out;
    put(out, envelope);
    out.u8(static_cast<std::uint8_t>(frame.index()));
    std::visit([&](const auto& alternative) { put(out, alternative); }, frame);
    return out.take();
}

Decoded<Content> decode_content(View content)
{
    Reader in(content);
    const auto envelope = get_envelope(in);
    auto frame = get_frame(in);
    if (!in.ok()) return Error::truncated;
    if (const auto* error = std::get_if<Error>(&frame)) return *error;
    if (!in.at_end()) return Error::trailing;
    if (envelope.boot == 0 || envelope.sequence == 0) return Error::bad_value;
    if (envelope.loss_permille > permille_max) return Error::bad_value;
    return Content{envelope, std::get<Frame>(frame)};
}

} // namespace roleswap::wire
