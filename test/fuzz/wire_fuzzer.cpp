#include "base/ensure.hpp"
#include "corpus.hpp"
#include "link/seal.hpp"
#include "wire/message.hpp"
#include "wire/transfer.hpp"
#include <algorithm>

/// Bytes from the network (libFuzzer): the header and the seal as they come, and the same bytes as
/// if they had been sealed with the right key, so that the decoders behind the seal are reached.
/// What decodes must encode to bytes that decode to the same again.
using namespace roleswap;

namespace {

void header(wire::View bytes)
{
    const auto decoded = wire::decode_header(bytes);
    const auto* good = std::get_if<wire::Header>(&decoded);
    if (good == nullptr) return;
    const auto again = wire::decode_header(wire::encode(*good));
    base::ensure(std::get<wire::Header>(again) == *good, "a header keeps its meaning");
}

void content(wire::View bytes)
{
    const auto decoded = wire::decode_content(bytes);
    const auto* good = std::get_if<wire::Content>(&decoded);
    if (good == nullptr) return;
    const auto again = wire::encode(good->envelope, good->frame);
    base::ensure(std::ranges::equal(again, bytes), "content has one encoding");
    const auto* fragment = std::get_if<wire::Fragment>(&good->frame);
    if (fragment == nullptr) return;
    wire::Assembly assembly(fragment->count);
    (void)assembly.add(*fragment);
    base::ensure(assembly.take().size() <= wire::fragment_bytes * wire::fragments_max,
                 "an assembly is bounded");
}

void message(wire::View bytes)
{
    const auto decoded = wire::decode_message(bytes);
    const auto* good = std::get_if<core::Message>(&decoded);
    if (good == nullptr) return;
    const auto again = wire::decode_message(wire::encode(*good));
    base::ensure(std::get<core::Message>(again) == *good, "a message keeps its meaning");
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv)
{
    auto seeds = fuzz::datagrams();
    for (const auto& more : {fuzz::contents(), fuzz::messages()})
        seeds.insert(seeds.end(), more.begin(), more.end());
    fuzz::begin_with(seeds, *argc, *argv);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const wire::View bytes(data, size);
    header(bytes);
    content(bytes);
    message(bytes);
    static const link::Seal first({1, 2, 3}, "alpha", core::Node::first);
    static const link::Seal second({1, 2, 3}, "alpha", core::Node::second);
    (void)second.open(bytes); // forged
    if (size > wire::datagram_bytes_max) return 0;
    link::Nonces nonces(1);
    const auto opened = second.open(first.close(wire::encode(wire::Header{}), bytes, nonces));
    base::ensure(opened && std::ranges::equal(*opened, bytes), "the seal opens at the peer");
    return 0;
}
