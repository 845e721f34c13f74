#pragma once
#include "config/config.hpp"
#include "driver.hpp"
#include "durable/event_log.hpp"
#include "fence/fence.hpp"
#include "guard/client.hpp"
#include "lag_meter.hpp"
#include "link/transport.hpp"
#include "link_announcer.hpp"
#include "peer_view.hpp"
#include "run/executor.hpp"
#include "store/managed.hpp"
#include "third_node.hpp"
#include "witness/witness.hpp"
#include "work/binding_watch.hpp"
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
    ThirdNode* third = nullptr;          ///< null: there is no dr node
    const LagMeter& lag;                 ///< of the dr node, on it and on the master
    const work::BindingWatch& bindings;  ///< whether the tasks could run on this node
    const store::External* external = nullptr; ///< null: the store of this node is managed

    bool is_dr() const { return self == core::Node::dr; }
    const config::Node& third_node() const { return config.nodes.at(core::third(self)); }
    const config::Node& self_node() const { return config.nodes.at(self); }
    const config::Node& peer_node() const { return config.nodes.at(core::other(self)); }
};

} // namespace roleswap::daemon
