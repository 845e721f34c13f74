#include "run/spawn_wire.hpp"
#include "run/packing.hpp"
#include "run/passing.hpp"
#include <stdexcept>

namespace roleswap::run {
namespace {

/// In this order; the last only where the text is too long for a packet and is in a file.
enum : std::size_t { output_at, report_at, input_at, text_at };

} // namespace

bool send_spawn(int socket, std::size_t slot, const std::string& folder, const Plan& plan)
{
    Packer packer;
    packer.add(slot);
    packer.add(folder);
    const auto text = packer.take() + plan.packed();
    std::array<int, packet_descriptors_max> passed{plan.output, plan.report, plan.input.get(), -1};
    if (text.size() <= packet_bytes_max) return send_packet(socket, text, {passed.data(), text_at});
    const auto file = memory_file("roleswap-plan", text);
    passed[text_at] = file.get();
    return send_packet(socket, "f", passed);
}

std::optional<SpawnRequest> receive_spawn(int socket)
{
    auto packet = receive_packet(socket);
    if (!packet) return std::nullopt;
    auto& passed = packet->descriptors;
    if (passed.size() < text_at) throw std::runtime_error("a request without its descriptors");
    if (passed.size() > text_at) packet->text = read_whole(passed[text_at].get());
    Unpacker unpacker(packet->text);
    SpawnRequest request;
    request.slot = unpacker.number();
    if (request.slot >= spawn_slots) throw std::runtime_error("a request for no slot");
    request.folder = unpacker.text();
    request.plan = std::make_unique<Plan>(unpacker.rest());
    request.plan->input = std::move(passed[input_at]);
    request.plan->output = passed[output_at].get();
    request.plan->report = passed[report_at].get();
    request.descriptors = std::move(passed);
    return request;
}

} // namespace roleswap::run
