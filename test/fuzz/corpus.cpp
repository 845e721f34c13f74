#include "corpus.hpp"
#include "base/ensure.hpp"
#include "link/seal.hpp"
#include "wire/message.hpp"
#include "wire/serial_frame.hpp"
#include "wire/transfer.hpp"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdlib.h> // mkdtemp
#include <string>

namespace roleswap::fuzz {
namespace {

const link::Key key{1, 2, 3}; // that of the fuzzer

/// Both are named by libFuzzer until the end of the process.
struct Kept {
    std::filesystem::path folder;
    std::string name;
    std::vector<char*> argv;
};
Kept& kept()
{
    static Kept it;
    return it;
}

void remove_folder()
{
    std::error_code ignored; // it is temporary anyway
    std::filesystem::remove_all(kept().folder, ignored);
}

} // namespace

std::vector<wire::Bytes> messages()
{
    core::Message first;
    core::Message full;
    full.boot = full.echo_boot = 7;
    full.sequence = full.echo_sequence = 1000;
    full.sent_at = full.echo_sent_at = 123456;
    full.role = core::Role::master;
    full.record = {.epoch = 9, .master = core::Node::second, .round = 2};
    full.store = core::StoreState::primary;
    full.leaving = full.hold = full.wish_alone = true;
    return {wire::encode(first), wire::encode(full)};
}

std::vector<wire::Bytes> contents()
{
    const wire::Envelope envelope{.boot = 3, .to_boot = 2, .sequence = 5, .link_sequence = 4};
    const wire::Bytes all(2 * wire::fragment_bytes + 10, 'x');
    std::vector<wire::Bytes> list;
    const auto add = [&](const wire::Frame& frame) {
        list.push_back(wire::encode(envelope, frame));
    };
    for (const auto& message : messages()) add(wire::Broadcast{message});
    add(wire::Challenge{.boot = 3, .token = {1, 2}});
    add(wire::ChallengeAnswer{.token = {1, 2}});
    const auto count = wire::fragment_count(all.size());
    wire::FragmentSet have(count);
    for (std::uint16_t index = 0; index < count; ++index) {
        add(wire::Fragment{
            .id = 8, .index = index, .count = count, .bytes = wire::fragment_of(all, index)});
        have.add(index);
        add(wire::Ack{
            .transfer = wire::Transfer::reply, .id = 8, .count = count, .have = have.bits()});
    }
    return list;
}

std::vector<wire::Bytes> datagrams()
{
    const link::Seal seal(key, "alpha", core::Node::first);
    std::vector<wire::Bytes> list;
    for (const auto& content : contents())
        for (const int version : {0, int{wire::protocol_version}, wire::protocol_version + 1}) {
            const wire::Header header{static_cast<std::uint8_t>(version), seal.pair_tag()};
            link::Nonces nonces(1);
            list.push_back(seal.close(wire::encode(header), content, nonces));
        }
    return list;
}

std::vector<wire::Bytes> serial_frames()
{
    std::vector<wire::Bytes> list;
    wire::Bytes line;
    for (const auto& datagram : datagrams()) {
        if (datagram.size() > wire::serial_datagram_bytes_max) continue;
        list.push_back(wire::encode_serial_frame(datagram));
        line.insert(line.end(), list.back().begin(), list.back().end());
    }
    list.push_back(line); // several, one after another
    return list;
}

void begin_with(const std::vector<wire::Bytes>& seeds, int& argc, char**& argv)
{
    std::string name = std::filesystem::temp_directory_path() / "roleswap-seeds-XXXXXX";
    base::ensure(::mkdtemp(name.data()) != nullptr, "there is room for the seeds");
    auto& it = kept();
    it.folder = it.name = name;
    std::atexit(remove_folder);
    for (std::size_t i = 0; i < seeds.size(); ++i) {
        std::ofstream file(it.folder / std::to_string(i), std::ios::binary);
        for (const auto byte : seeds[i]) file.put(static_cast<char>(byte));
        base::ensure(file.good(), "the seeds can be written");
    }
    it.argv.assign(argv, argv + argc);
    it.argv.push_back(it.name.data());
    it.argv.push_back(nullptr);
    argc += 1;
    argv = it.argv.data();
}

} // namespace roleswap::fuzz
