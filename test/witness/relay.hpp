#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include <memory>
#include <string>
#include <vector>

namespace roleswap::test {

/// A way to an etcd that can lose its connections without telling anybody, as a firewall does.
class Relay {
public:
    Relay(event::Loop& loop, int to_port);
    std::string url() const;
    /// What is connected now stays so and carries nothing any more; new connections do.
    void forget();
    std::size_t connections() const { return pipes_.size(); }

private:
    struct Pipe {
        event::UniqueFd from, to;
        std::unique_ptr<event::Io> watch_from, watch_to;
    };
    void accept();
    void carry(Pipe& pipe, int from, int to);

    event::Loop& loop_;
    int port_;
    int to_port_;
    event::UniqueFd listening_;
    std::vector<std::unique_ptr<Pipe>> pipes_;
    event::Io on_connection_;
};

} // namespace roleswap::test
