#pragma once
#include "config/config.hpp"
#include "driver.hpp"
#include "durable/event_log.hpp"
#include "fence/fence.hpp"
#include "guard/client.hpp"
#include "link/transport.hpp"
#include "link_announcer.hpp"
#include "peer_view.hpp"
#include "run/executor.hpp"
#include "store/managed.hpp"
#include "witness/witness.hpp"
#include "work/engine.hpp"

namespace roleswap::daemon {

/// The parts of the instance that verbs look at and act on; all of them outlive the verbs.
struct Context {
    const config::Config& config;
    core::Node self;
    std::string config_digest; ///< of the file's bytes: equal on both nodes, or check says so
    std::string started_at;    ///< RFC 3339
    Driver& driver;
    link::Transport& transport;
    const LinkAnnouncer& link_announcer;
    link::Prober& prober;
    store::ManagedStore& store;
    run::Executor& executor;
    guard::Client& guard;
    work::Engine& engine;
    durable::EventLog& log;
    PeerView& peer;
    witness::Witness* witness = nullptr; ///< null: none is configured
    fence::Fence* fence = nullptr;       ///< null: none is configured

    const config::Node& self_node() const { return config.nodes.at(self); }
    const config::Node& peer_node() const { return config.nodes.at(core::other(self)); }
};

} // namespace roleswap::daemon
