#pragma once
#include "core/message.hpp"
#include "wire/bytes.hpp"
#include "wire/error.hpp"

namespace roleswap::wire {

/// Version of the role message.  A new field goes to the end of `each_field` in message.cpp, in a
/// block of the next version.  Versions N and N-1 talk: a reader fills fields it was not sent with
/// their defaults, and leaves unread what a newer writer appended.
inline constexpr std::uint8_t message_version = 2;

/// One version byte, then the fields in network byte order.
Bytes encode(const core::Message& message);
/// Errors: truncated, bad_version (0), bad_value (an enum beyond its members, a flag that is
/// neither 0 nor 1), trailing (bytes after the last field, unless the writer is newer).
Decoded<core::Message> decode_message(View bytes);

} // namespace roleswap::wire
