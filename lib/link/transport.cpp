#include "link/transport.hpp"
#include "link/transport_impl.hpp"

namespace roleswap::link {

void Responder::reply(wire::View bytes) const
{
    transport_->impl_->reply(id_, boot_, bytes);
}

Transport::Transport(event::Loop& loop, Options options, Handler& handler)
    : impl_(std::make_unique<Impl>(loop, std::move(options), handler, *this))
{
}

Transport::~Transport() = default;

void Transport::broadcast(wire::View bytes)
{
    impl_->broadcast(bytes);
}

RequestId Transport::request(wire::View bytes, Duration timeout, OnAnswer on_answer)
{
    return impl_->request(bytes, timeout, std::move(on_answer));
}

void Transport::cancel(RequestId id)
{
    impl_->cancel(id);
}

std::size_t Transport::links() const
{
    return impl_->channels().size();
}

LinkStatus Transport::status(std::size_t index) const
{
    return impl_->channels().at(index)->status(event::Loop::now());
}

std::vector<std::size_t> Transport::live() const
{
    std::vector<std::size_t> live;
    for (std::size_t index = 0; index < links(); ++index)
        if (impl_->channels()[index]->up()) live.push_back(index);
    return live;
}

bool Transport::any_live() const
{
    return impl_->any_live();
}

std::uint64_t Transport::peer_boot() const
{
    return impl_->peer_boot();
}

} // namespace roleswap::link
