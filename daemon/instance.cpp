#include "instance.hpp"
#include "durable/file.hpp"
#include "guard_text.hpp"
#include "options.hpp"
#include "readiness.hpp"
#include "version.hpp"
#include "why.hpp"
#include "wire/message.hpp"
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <system_error>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace roleswap::daemon {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto end_limit = 25s; ///< below the unit's TimeoutStopSec
/// A guard that does not even live so long is started again after growing pauses.
constexpr event::Duration guard_steady_after = 10s;
constexpr event::Duration guard_pause_min = 50ms;
constexpr event::Duration guard_pause_max = 10s;

/// A full disk is no reason to be started again and again: the node waits, as neither role, until
/// its record can be written.  Before the loop: nothing can be served without the count of boots.
void save_when_there_is_room(const std::string& path, const durable::NodeRecord& record)
{
    for (bool said = false;; said = true) {
        try {
            return durable::save_record(path, record);
        } catch (const std::system_error& error) {
            if (error.code() != std::errc::no_space_on_device) throw;
            if (!said)
                fmt::print(stderr, "disk_full: {}; this node waits for room\n", error.what());
            sd_notifyf(0, "STATUS=waits for room: %s\nEXTEND_TIMEOUT_USEC=10000000", error.what());
            ::usleep(500'000);
        }
    }
}

/// Counts this start before anything can tell of it, so that boots stay ordered for ever.
durable::NodeRecord count_boot(const config::Node& node, bool& fresh)
{
    const auto path = durable::record_path(node.data_dir);
    auto record = durable::load_record(path);
    fresh = !record;
    if (!record) record = {{}, durable::boots_of_new_record()};
    ++record->boots;
    save_when_there_is_room(path, *record);
    return *record;
}

/// Notes of the store with an event of their own; the others are "store" and say what they are.
std::string_view store_event(std::string_view note)
{
    if (note == "disk-full") return "disk_full";
    if (note == "unit-stopped") return "unit_stopped";
    if (note == "rejoin") return "rejoin";
    if (note == "copy-refused") return "copy_refused";
    if (note == "history-found") return "history_found";
    if (note == "history-unreadable" || note == "history-kept-aside") return "history_kept_aside";
    if (note == "wrong-password") return "join_denied";
    return "store";
}

bool leads(const core::Message& message)
{
    return message.role == core::Role::master || message.role == core::Role::releasing;
}

std::string prepared_socket(const config::Node& node)
{
    durable::make_folders(node.run_dir, 0755);
    return node.run_dir + "/ctl";
}

} // namespace

Instance::Instance(Setup setup)
    : setup_(std::move(setup)), node_(setup_.config.nodes.at(setup_.self)), lock_(node_.data_dir),
      record_(count_boot(node_, fresh_)), writer_(loop_),
      log_(writer_, node_.data_dir + "/events.jsonl"), announcer_(log_, node_.name),
      transport_(loop_, link_options(setup_, record_.boots, core::other(setup_.self)), *this),
      link_announcer_(loop_, transport_, announcer_), prober_(loop_, setup_.config.pair.probes),
      executor_(loop_,
                executor_settings(
                    setup_, [this] { return guard_.fired(); },
                    [this](const std::string& why) { announcer_.announce("spawner_lost", why); }),
                [this](const run::OutputLine& line) { announcer_.run_line(line); }),
      store_trouble_(loop_,
                     {[this](const std::string& why) { announcer_.announce("store_trouble", why); },
                      [this](const std::string& how) { announcer_.announce("store_well", how); }}),
      guard_(loop_, guard_settings(setup_, executor_), guard_events()),
      store_(loop_, store_options(setup_, executor_), *this),
      engine_(loop_, executor_, work_settings(setup_, store_.conninfo()), work_host()),
      peer_(loop_, transport_, [this](const json& peer) { on_peer_news(peer); }), owner_(loop_),
      dispatcher_(dispatcher_ports()), courier_(loop_, courier_ports()),
      bus_(
          loop_, {.path = prepared_socket(node_), .group = "roleswap", .limits = {}},
          [this](const bus::Verb& verb, const json& args, const bus::Caller& who,
                 bus::Responder responder) { on_call(verb, args, who, std::move(responder)); },
          [this] { return properties(); }),
      guard_retry_(loop_, [this] { start_guard(); }),
      bindings_(loop_, binding_settings(setup_, store_.conninfo()),
                [this](const work::BindingWatch::Report& report) {
                    announce_readiness(announcer_, report);
                }),
      lag_timer_(loop_, [this] { note_lag(); }), give_up_(loop_, [this] { end(); }),
      owner_retry_(loop_, [this] { retry_end_(); }),
      terminate_(loop_, SIGTERM, [this] { leave(); }),
      interrupt_(loop_, SIGINT, [this] { leave(); })
{
    announcer_.set_listener([this](const durable::LoggedEvent& event) { on_event(event); });
    make_fence();
    make_third();
}

int Instance::run()
{
    sd_event_set_watchdog(loop_.get(), 1);
    if (log_.damaged_lines() > 0)
        announcer_.announce("other", fmt::format("{} damaged lines of the event log were left out",
                                                 log_.damaged_lines()));
    if (fresh_)
        announcer_.announce("waiting",
                            "this node has no record: run \"roleswap init\" on the first node or "
                            "\"roleswap join\" on the second");
    executor_.prepare([this] { start_guard(); });
    return loop_.run();
}

void Instance::open_witness()
{
    if (!setup_.witness) return;
    witness_.emplace(
        loop_, *setup_.witness,
        witness::Witness::Callbacks{[this](std::string_view what, const std::string& why) {
                                        announcer_.announce(what, why);
                                    },
                                    {}});
}

guard::Client::Events Instance::guard_events()
{
    return {[this] { guard_ready(); }, [this](const std::string& why) { guard_lost(why); },
            [this] {
                if (driver_) driver_->feed(core::Elapsed{0}); // it looks at the guard first
            }};
}

/// No role without a guard: at the first start its absence ends the daemon, later it is tried
/// again and again.
void Instance::start_guard()
{
    try {
        guard_.start();
    } catch (const std::exception& error) {
        if (!driver_) throw;
        guard_lost(error.what());
    }
}

void Instance::guard_ready()
{
    guard_since_ = event::Loop::now();
    const auto guard = guard_.snapshot();
    announcer_.announce("guard_started",
                        fmt::format("the guard watches: {}{}{}", protection_text(guard.protection),
                                    guard.watchdog_trouble.empty() ? "" : "; ",
                                    guard.watchdog_trouble));
    if (!driver_) begin();
    driver_->feed(core::GuardEvent{core::GuardEvent::Kind::ready});
}

void Instance::guard_lost(const std::string& why)
{
    if (ending_) return;
    const auto now = event::Loop::now();
    guard_pause_ = now - guard_since_ > guard_steady_after
                       ? guard_pause_min
                       : std::clamp(guard_pause_ * 2, guard_pause_min, guard_pause_max);
    guard_retry_.start_in(guard_pause_);
    announcer_.announce("guard_lost",
                        fmt::format("the guard of this daemon is gone ({}); a master gives up its "
                                    "role, the guard is started again",
                                    why));
    if (driver_) driver_->feed(core::GuardEvent{core::GuardEvent::Kind::lost});
}

void Instance::begin()
{
    open_witness();
    const auto path = durable::record_path(node_.data_dir);
    driver_.emplace(Driver::Parts{loop_, writer_, transport_, prober_, guard_, store_, engine_,
                                  announcer_, path, witness_ ? &*witness_ : nullptr,
                                  setup_.config.witness.value_or(config::Witness{}).timeout,
                                  fence_ ? &*fence_ : nullptr,
                                  third_ ? &third_->transport() : nullptr, [this] { aim_store(); },
                                  evidence_names(setup_.config)},
                    core_settings(setup_, record_.boots), record_);
    context_.emplace(Context{setup_.config,
                             setup_.self,
                             setup_.config_digest,
                             wall_now(),
                             *driver_,
                             transport_,
                             link_announcer_,
                             prober_,
                             store_,
                             executor_,
                             guard_,
                             engine_,
                             log_,
                             peer_,
                             witness_ ? &*witness_ : nullptr,
                             fence_ ? &*fence_ : nullptr,
                             third_ ? &*third_ : nullptr,
                             lag_,
                             bindings_,
                             setup_.external ? &*setup_.external : nullptr});
    verbs_.emplace(*context_);
    bindings_.start();
    driver_->set_on_change([this] { on_role_change(); });
    aim_store();
    sd_notify(0, "READY=1");
    on_role_change();
}

void Instance::make_fence()
{
    const auto options = fence_options(setup_);
    if (!options) return;
    fence::Callbacks callbacks;
    callbacks.on_answer = [this](std::uint64_t ticket, fence::Result result) {
        const bool confirmed = result == fence::Result::confirmed;
        if (driver_)
            driver_->feed(core::FenceAnswer{ticket, confirmed ? core::FenceAnswer::Kind::confirmed
                                                              : core::FenceAnswer::Kind::failed});
    };
    callbacks.on_event = [this](std::string_view what, const std::string& why) {
        announcer_.announce(what, why);
    };
    fence_.emplace(loop_, *options, std::move(callbacks));
}

void Instance::on_role_change()
{
    const auto& state = driver_->state();
    aim_store();
    sd_notifyf(0, "STATUS=%s, epoch %llu, %s", std::string(core::to_string(state.role)).c_str(),
               static_cast<unsigned long long>(state.record.epoch),
               std::string(core::to_string(state.record.mode)).c_str());
    bus_.changed();
}

void Instance::leave()
{
    if (std::exchange(ending_, true)) return;
    sd_notify(0, "STOPPING=1");
    give_up_.start_in(end_limit);
    if (!driver_) return end();
    announcer_.announce("stopping", "told to stop; the role is offered to the peer first");
    driver_->command(core::Command::Kind::leave, "stop",
                     {[this](const json&) { end(); }, [this](const bus::Error&) { end(); }});
}

/// Nothing of ours may be alive when the process ends: a task without its daemon has no master.
void Instance::end()
{
    executor_.kill_all([this] { loop_.exit(0); });
}

void Instance::on_message(wire::View bytes, std::size_t)
{
    if (!driver_) return;
    const auto message = wire::decode_message(bytes);
    const auto* good = std::get_if<core::Message>(&message);
    if (good == nullptr) return;
    store_.note_peer(good->position, good->store);
    if (setup_.self == core::Node::dr)
        driver_->feed(core::HeardThird{core::other(setup_.self), *good});
    else
        driver_->feed(core::Heard{*good});
}

void Instance::on_request(wire::View bytes, link::Responder responder)
{
    dispatcher_.serve_peer(std::string(wire::text(bytes)), [responder](const std::string& reply) {
        responder.reply(wire::view(reply));
    });
}

void Instance::on_link(std::size_t index, const link::LinkStatus& status)
{
    link_announcer_.changed(index, status);
    aim_store();
    bus_.changed();
}

void Instance::on_store_turn()
{
    if (driver_) driver_->feed(core::Elapsed{0});
}

void Instance::on_store(const core::StoreEvent& event)
{
    if (driver_) driver_->feed_store(event);
}

void Instance::on_store_note(std::string_view what, const std::string& why)
{
    const auto kind = store_event(what);
    announcer_.announce(kind, kind == "store" ? fmt::format("{}: {}", what, why) : why);
}

void Instance::on_event(const durable::LoggedEvent& event)
{
    bus_.event(json::parse(durable::to_json(event)));
    bus_.changed();
}

void Instance::on_peer_news(const json& peer)
{
    if (!driver_ || driver_->state().role != core::Role::master) return;
    if (setup_.self == core::Node::dr) return;
    if (peer.value("role", "") == "standby") engine_.note_peer_boot(peer.value("host_boot_id", ""));
}

work::Host Instance::work_host()
{
    work::Host host;
    host.on_event = [this](std::string_view what, const std::string& why) {
        announcer_.announce(what, why);
    };
    host.on_ready = [this] {
        take_join_password();
        bus_.changed();
    };
    host.on_store_trouble = [this](const std::string& why) { store_trouble_.happened(why); };
    host.on_store_well = [this] { store_trouble_.well(); };
    host.on_superseded = [this](const std::string& why) {
        announcer_.announce("store_trouble", why);
    };
    // Beside what on_call watches: after a restart of this daemon the store still knows the owner.
    host.watch_owner = [this](std::int64_t operation, pid_t owner) {
        if (owner > 0) watch_operation(operation, owner);
    };
    host.owner_lives = [this](const std::string& node, pid_t owner) {
        if (node == node_.name) return ::kill(owner, 0) == 0 || errno == EPERM;
        // Its daemon ends the operation of an owner that died.
        return transport_.any_live() && peer_.last().value("reachable", false);
    };
    return host;
}

/// What "roleswap init --admin-password-file" left for the first master; removed when the store has
/// it.
void Instance::take_join_password()
{
    const auto path = node_.data_dir + "/join-password.json";
    const auto text = durable::read(path);
    if (!text) return;
    const auto args = json::parse(*text, nullptr, false);
    const auto failed = [this, path](const work::VerbError& error) {
        announcer_.announce("other", fmt::format("{}: {}", path, error.why));
    };
    if (!args.is_object())
        return failed({work::VerbError::Code::bad_argument, "is damaged; set the password again"});
    engine_.handle("join_password", args, {0, "roleswap init"},
                   {[path](const json&) { std::filesystem::remove(path); }, failed});
}

HistoryCourier::Ports Instance::courier_ports()
{
    HistoryCourier::Ports ports;
    ports.folder = node_.data_dir + "/history";
    ports.node = node_.name;
    ports.ready = [this] {
        if (!driver_) return false;
        const auto& state = driver_->state();
        const bool mirrors = state.in_sync || (setup_.self == core::Node::dr &&
                                               state.store == core::StoreState::following);
        return (state.role == core::Role::standby && mirrors) ||
               (state.role == core::Role::master && engine_.running());
    };
    ports.add = [this](const json& args, Answer answer) {
        dispatcher_.call(*bus::find_verb("history_add"), args, {0, "roleswapd", false},
                         std::move(answer));
    };
    ports.announce = [this](std::string_view what, const std::string& why) {
        announcer_.announce(what, why);
    };
    return ports;
}

Dispatcher::Ports Instance::dispatcher_ports()
{
    Dispatcher::Ports ports;
    ports.self = node_.name;
    ports.peer = setup_.config.nodes.at(core::other(setup_.self)).name;
    ports.self_is_master = [this] {
        return driver_ && (driver_->state().role == core::Role::master ||
                           driver_->state().role == core::Role::releasing);
    };
    ports.peer_is_master = [this] {
        if (!driver_) return false;
        const auto& state = driver_->state();
        const bool is_dr = setup_.self == core::Node::dr;
        return leads(is_dr ? core::third_view(state, core::Node::first).last : state.peer.last);
    };
    ports.ask_peer = [this](const json& request, std::chrono::milliseconds timeout, Answer answer) {
        peer_.ask(request, timeout, std::move(answer));
    };
    if (setup_.config.has_dr()) {
        const auto third = core::third(setup_.self);
        ports.third = setup_.config.nodes.at(third).name;
        ports.third_is_master = [this, third] {
            return driver_ && leads(core::third_view(driver_->state(), third).last);
        };
        ports.ask_third = [this](const json& request, std::chrono::milliseconds timeout,
                                 Answer answer) {
            third_->view().ask(request, timeout, std::move(answer));
        };
    }
    ports.local = [this](const bus::Verb& verb, const json& args, const Requester& who,
                         Answer answer) {
        if (!verbs_) throw bus::Error(bus::ErrorCode::refused, "the daemon is starting; ask again");
        verbs_->call(verb, args, who, std::move(answer));
    };
    ports.why_no_master = [this] {
        return driver_ ? core::why_waiting(driver_->state()) : "the daemon is starting";
    };
    return ports;
}

Answer Instance::bus_answer(bus::Responder responder)
{
    const auto ticket = waiting_.add(std::move(responder));
    return {[this, ticket](const json& result) { waiting_.done(ticket, result); },
            [this, ticket](const bus::Error& error) { waiting_.fail(ticket, error); }};
}

void Instance::on_call(const bus::Verb& verb, const json& args, const bus::Caller& who,
                       bus::Responder responder)
{
    auto answer = bus_answer(std::move(responder));
    if (verb.name == "operation_begin") return begin_operation(verb, args, who, std::move(answer));
    if (verb.name == "operation_end") {
        answer.done = [this, id = args.value("id", json()),
                       done = answer.done](const json& result) {
            if (id == watched_) owner_.forget();
            done(result);
        };
    }
    dispatcher_.call(verb, args, {who.uid, who.user, false}, std::move(answer));
}

void Instance::begin_operation(const bus::Verb& verb, json args, const bus::Caller& who,
                               Answer answer)
{
    const auto owner = args.find("owner_pid");
    const bool known = owner != args.end() && owner->is_number_integer();
    args["owner_node"] = node_.name;
    answer.done = [this, pid = known ? owner->get<pid_t>() : 0,
                   done = answer.done](const json& result) {
        if (pid > 0) watch_operation(result.value("id", std::int64_t{0}), pid);
        done(result);
    };
    dispatcher_.call(verb, args, {who.uid, who.user, false}, std::move(answer));
}

/// The node where the runbook runs watches it, whichever node is master by then.
void Instance::watch_operation(std::int64_t operation, pid_t owner)
{
    watched_ = operation;
    owner_.watch(owner, [this, operation, owner] { end_operation(operation, owner); });
}

void Instance::end_operation(std::int64_t operation, pid_t owner)
{
    const json args{
        {"id", operation},
        {"result", "undone"},
        {"operation", operation}, // in the name of the owner
        {"why", fmt::format("its owner, process {} on {}, is gone", owner, node_.name)}};
    const Answer answer{[](const json&) {},
                        [this, operation, owner](const bus::Error& error) {
                            operation_end_failed(error, operation, owner);
                        }};
    dispatcher_.call(*bus::find_verb("operation_end"), args, {0, "roleswapd", false}, answer);
}

/// While there is no master the operation cannot be ended; it is tried again until there is one.
void Instance::operation_end_failed(const bus::Error& error, std::int64_t operation, pid_t owner)
{
    using enum bus::ErrorCode;
    if (error.code() == not_found || error.code() == bad_argument) {
        announcer_.announce("operation",
                            fmt::format("operation {} was not ended: {}", operation, error.what()));
        return;
    }
    retry_end_ = [this, operation, owner] { end_operation(operation, owner); };
    owner_retry_.start_in(500ms);
}

bus::Properties Instance::properties() const
{
    bus::Properties properties;
    properties.node = node_.name;
    properties.version = version;
    properties.role = driver_ ? std::string(core::to_string(driver_->state().role)) : "starting";
    properties.epoch = driver_ ? driver_->state().record.epoch : record_.role.epoch;
    return properties;
}

} // namespace roleswap::daemon
