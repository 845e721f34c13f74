#include "wire/message.hpp"

namespace roleswap::wire {
namespace {

/// The one list of fields, for both directions.  `version` is the writer's; a field that a later
/// version adds is guarded by it: `if (version >= 2) io.number(message.added);`.
template <typename Io, typename Message>
void each_field(Io& io, Message& message, std::uint8_t version)
{
    io.number(message.boot);
    io.number(message.sequence);
    io.number(message.sent_at);
    io.number(message.echo_boot);
    io.number(message.echo_sequence);
    io.number(message.echo_sent_at);
    io.member(message.role, core::Role::demoting);
    io.number(message.record.epoch);
    io.member(message.record.master, core::Node::dr);
    io.member(message.record.mode, core::Mode::mirrored);
    io.member(message.store, core::StoreState::frozen);
    io.number(message.position.bytes);
    io.flag(message.leaving);
    io.flag(message.hold);
    io.flag(message.wish_alone);
    if (version >= 2) io.number(message.record.round);
}

struct Encoder {
    Writer writer;
    void number(std::uint64_t value) { writer.u64(value); }
    void flag(bool value) { writer.u8(value ? 1 : 0); }
    template <typename Enum> void member(Enum value, Enum)
    {
        writer.u8(static_cast<std::uint8_t>(value));
    }
};

struct Decoder {
    Reader reader;
    bool in_range = true;

    std::uint8_t up_to(std::uint8_t last)
    {
        const auto value = reader.u8();
        if (value > last) in_range = false;
        return value > last ? 0 : value;
    }
    void number(std::uint64_t& value) { value = reader.u64(); }
    void flag(bool& value) { value = up_to(1) == 1; }
    template <typename Enum> void member(Enum& value, Enum last)
    {
        static_assert(sizeof(Enum) == 1);
        value = static_cast<Enum>(up_to(static_cast<std::uint8_t>(last)));
    }
};

} // namespace

Bytes encode(const core::Message& message)
{
    Encoder encoder;
    encoder.writer.u8(message_version);
    each_field(encoder, message, message_version);
    return encoder.writer.take();
}

Decoded<core::Message> decode_message(View bytes)
{
    Decoder decoder{Reader(bytes)};
    const auto version = decoder.reader.u8();
    if (!decoder.reader.ok()) return Error::truncated;
    if (version == 0) return Error::bad_version;
    core::Message message;
    each_field(decoder, message, version);
    if (!decoder.reader.ok()) return Error::truncated;
    if (!decoder.in_range) return Error::bad_value;
    if (!decoder.reader.at_end() && version <= message_version) return Error::trailing;
    return message;
}

} // namespace roleswap::wire
