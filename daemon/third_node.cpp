#include "third_node.hpp"
#include "wire/message.hpp"

namespace roleswap::daemon {

ThirdNode::ThirdNode(event::Loop& loop, link::Options options, Announcer& announcer, Ports ports)
    : ports_(std::move(ports)), transport_(loop, std::move(options), *this),
      link_announcer_(loop, transport_, announcer),
      view_(loop, transport_, [](const nlohmann::json&) {})
{
}

void ThirdNode::on_message(wire::View bytes, std::size_t)
{
    const auto message = wire::decode_message(bytes);
    if (const auto* good = std::get_if<core::Message>(&message)) ports_.on_message(*good);
}

void ThirdNode::on_request(wire::View bytes, link::Responder responder)
{
    ports_.serve(std::string(wire::text(bytes)),
                 [responder](const std::string& reply) { responder.reply(wire::view(reply)); });
}

void ThirdNode::on_link(std::size_t index, const link::LinkStatus& status)
{
    link_announcer_.changed(index, status);
    ports_.on_link();
}

} // namespace roleswap::daemon
