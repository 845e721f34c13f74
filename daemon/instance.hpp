#pragma once
#include "announcer.hpp"
#include "bus/server.hpp"
#include "context.hpp"
#include "dispatcher.hpp"
#include "durable/lock.hpp"
#include "durable/record_file.hpp"
#include "history_courier.hpp"
#include "lag_meter.hpp"
#include "link/pair_key.hpp"
#include "link_announcer.hpp"
#include "owner_watch.hpp"
#include "third_node.hpp"
#include "trouble.hpp"
#include "verbs.hpp"
#include "witness/witness.hpp"
#include <optional>

namespace roleswap::daemon {

/// What main read before anything was started.
struct Setup {
    config::Config config;
    core::Node self = core::Node::first;
    std::string config_digest;
    std::string config_text;
    link::PairKey key;
    std::optional<witness::Options> witness; ///< empty: none is configured
    std::optional<store::External> external; ///< empty: the store of this node is managed
};

/// Owns all parts by value, in the order in which they need each other, and wires them.  The role
/// protocol starts when the executor has ended what a crashed predecessor left alive.
class Instance : private link::Handler, private store::Handler {
public:
    /// Throws what the parts throw; nothing has acted then.
    explicit Instance(Setup setup);

    /// Until SIGTERM or SIGINT; returns the exit code.
    int run();

private:
    void on_message(wire::View bytes, std::size_t link) override;
    void on_request(wire::View bytes, link::Responder responder) override;
    void on_link(std::size_t index, const link::LinkStatus& status) override;
    void on_store_turn() override;
    void on_store(const core::StoreEvent& event) override;
    void on_store_note(std::string_view what, const std::string& why) override;

    guard::Client::Events guard_events();
    void start_guard();
    void guard_ready();
    void guard_lost(const std::string& why);
    void begin();
    void leave();
    void end();
    void on_role_change();
    void on_peer_news(const nlohmann::json& peer);
    void on_event(const durable::LoggedEvent& event);
    void on_call(const bus::Verb& verb, const nlohmann::json& args, const bus::Caller& who,
                 bus::Responder responder);
    void begin_operation(const bus::Verb& verb, nlohmann::json args, const bus::Caller& who,
                         Answer answer);
    void watch_operation(std::int64_t operation, pid_t owner);
    void end_operation(std::int64_t operation, pid_t owner);
    void operation_end_failed(const bus::Error& error, std::int64_t operation, pid_t owner);
    bus::Properties properties() const;
    Dispatcher::Ports dispatcher_ports();
    work::Host work_host();
    void open_witness();
    void make_fence();
    void make_third();
    void aim_store();
    void note_lag();
    void watch_dr();
    HistoryCourier::Ports courier_ports();
    void take_join_password();
    Answer bus_answer(bus::Responder responder);

    Setup setup_;
    const config::Node& node_;
    durable::FolderLock lock_; ///< before anything is written
    durable::NodeRecord record_;
    bool fresh_ = false; ///< no record was there: neither init nor join
    event::Loop loop_;
    durable::Writer writer_;
    durable::EventLog log_;
    Announcer announcer_;
    link::Transport transport_;
    LinkAnnouncer link_announcer_;
    std::optional<ThirdNode> third_; ///< empty: there is no dr node
    link::Prober prober_;
    run::Executor executor_;
    Trouble store_trouble_;
    guard::Client guard_; ///< ends after the store, and kills what is left of it
    store::ManagedStore store_;
    work::Engine engine_;
    PeerView peer_;
    std::optional<fence::Fence> fence_;
    OwnerWatch owner_;
    std::int64_t watched_ = 0; ///< the operation whose owner is watched
    bus::Waiting waiting_;
    std::optional<witness::Witness> witness_;
    std::optional<Driver> driver_;
    std::optional<Context> context_;
    std::optional<Verbs> verbs_;
    Dispatcher dispatcher_;
    HistoryCourier courier_;
    bus::Server bus_;
    bool ending_ = false;
    event::Timer guard_retry_;
    event::Duration guard_pause_{0};
    event::Duration guard_since_{0};
    work::BindingWatch bindings_;
    LagMeter lag_; ///< of the dr node
    bool dr_late_ = false;
    event::Timer lag_timer_;
    event::Timer give_up_;
    std::function<void()> retry_end_;
    event::Timer owner_retry_;
    event::Signal terminate_;
    event::Signal interrupt_;
};

} // namespace roleswap::daemon
