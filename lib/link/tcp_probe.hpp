#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include "link/address.hpp"
#include <functional>
#include <memory>

namespace roleswap::link {

/// Whether a host answers at all, for a daemon that may not send ICMP: a connection to its echo
/// port (RFC 862), which a host that is reached accepts or refuses; a refusal is an answer.  A host
/// that drops what it does not serve stays silent.  Calls back at most once, later.  Pinned.
class TcpProbe {
public:
    TcpProbe(event::Loop& loop, const Address& host, std::function<void()> on_answer);
    /// Empty, or why no connection could be tried.
    const std::string& trouble() const { return trouble_; }

private:
    void take(int error);
    std::function<void()> on_answer_;
    std::string trouble_;
    event::UniqueFd fd_;
    std::unique_ptr<event::Io> io_;
    event::Deferred at_once_;
};

} // namespace roleswap::link
