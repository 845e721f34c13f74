#include "check.hpp"
#include "base/time_text.hpp"
#include "fence_status.hpp"
#include "guard_text.hpp"
#include "witness_view.hpp"
#include <fmt/format.h>
#include <sys/statvfs.h>

namespace roleswap::daemon {
namespace {

using core::Mode;
using core::Role;
using nlohmann::json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::uint64_t disk_free_min = 256ULL << 20;
constexpr std::uint64_t pending_bytes_max = 16ULL << 20;
constexpr double loss_max = 0.05;
constexpr milliseconds dr_lag_max{60'000}; ///< of the dr node

/// Whether a check that is not ok makes the pair not ready, or is only told.
enum class Level : std::uint8_t { fail, warn };

struct Check {
    std::string id;
    bool ok = false;
    Level level = Level::fail;
    std::string value;
    std::string limit;
    std::string fix;
};

class Report {
public:
    explicit Report(std::string node) : node_(std::move(node)) {}
    void add(Check check)
    {
        list_.push_back({{"id", check.id},
                         {"node", node_},
                         {"ok", check.ok},
                         {"level", check.level == Level::fail ? "fail" : "warn"},
                         {"value", check.value},
                         {"limit", check.limit},
                         {"fix", check.ok ? "" : check.fix}});
    }
    json take() { return std::move(list_); }

private:
    std::string node_;
    json list_ = json::array();
};

void check_role(const Context& context, Report& report)
{
    const auto& state = context.driver.state();
    const auto role = state.role;
    report.add({"role", role == Role::master || role == Role::standby, Level::fail,
                std::string(core::to_string(role)), "master or standby", core::why_waiting(state)});
    if (role == Role::master) {
        report.add(
            {"mirror", state.record.mode == Mode::mirrored, Level::fail,
             std::string(core::to_string(state.record.mode)), "mirrored",
             "wait until the standby has caught up; \"roleswap status\" shows what it does"});
    }
    if (context.is_dr() && role == Role::standby) {
        const auto behind = std::chrono::milliseconds(context.lag.behind(state.now));
        report.add({"dr lag", behind <= dr_lag_max, Level::warn,
                    fmt::format("{}, {}", base::human_bytes(context.lag.bytes()),
                                base::human_duration(behind)),
                    base::human_duration(dr_lag_max),
                    "look at the links to it; \"roleswap status\" shows what it does"});
        return;
    }
    if (role == Role::standby) {
        report.add({"in-sync", state.in_sync, Level::fail, state.in_sync ? "yes" : "no", "yes",
                    "wait until this node has caught up; \"roleswap status\" shows what it does"});
    }
}

void check_links(const Context& context, Report& report)
{
    for (std::size_t i = 0; i < context.transport.links(); ++i) {
        const auto link = context.transport.status(i);
        const bool up = link.state == link::LinkState::up;
        report.add({"link " + link.name, up, Level::warn, std::string(link::to_string(link.state)),
                    "up",
                    link.baud > 0 ? "look at the cable and at port " + link.local
                                  : "look at the cable and at address " + link.local});
        if (up)
            report.add({"loss " + link.name, link.loss() <= loss_max, Level::warn,
                        fmt::format("{:.1f} %", link.loss() * 100),
                        fmt::format("{:.0f} %", loss_max * 100),
                        "look for a bad cable, a full switch or a duplex mismatch"});
    }
    const bool held = context.driver.state().hold;
    report.add({"takeover", !held, Level::fail, held ? "held" : "allowed", "allowed",
                "roleswap takeover release"});
    report.add({"any link", context.transport.any_live(), Level::fail,
                fmt::format("{} up", context.transport.live().size()), "at least 1",
                "see \"roleswap links\""});
}

void check_store(const Context& context, Report& report)
{
    const auto store = context.store.snapshot();
    const bool well =
        store.state == core::StoreState::primary || store.state == core::StoreState::following;
    report.add({"store", well, Level::fail, std::string(core::to_string(store.state)),
                "primary or following", store.detail});
    if (context.driver.state().role == Role::master)
        report.add({"replication lag", store.pending && *store.pending <= pending_bytes_max,
                    Level::fail,
                    store.pending ? base::human_bytes(*store.pending) : "not known: nobody follows",
                    base::human_bytes(pending_bytes_max), "wait, or stop what writes so much"});
}

/// A cluster of the distribution, whose files are the administrator's.
void check_external(const Context& context, Report& report)
{
    const auto& node = context.self_node();
    if (!context.external) return;
    const auto faults = store::faults_of(*context.external, node.store_port, -1);
    for (const auto& fault : faults)
        report.add({"store " + fault.id, false, fault.fatal ? Level::fail : Level::warn,
                    fault.value, fault.limit, fault.fix});
    if (faults.empty())
        report.add({"store unit", true, Level::fail, node.store_unit + " is for roleswapd alone",
                    "for roleswapd alone", ""});
}

void check_versions(const Context& context, Report& report)
{
    const int here = context.store.snapshot().version;
    const int there = context.peer.last().value("/store/postgres"_json_pointer, here);
    report.add({"postgresql", here == there, Level::fail, std::to_string(here),
                std::to_string(there) + " as the peer",
                "a mirror needs the same version on both nodes"});
}

void check_disk(const Context& context, Report& report)
{
    struct statvfs disk {};
    const auto& folder = context.external == nullptr
                             ? context.self_node().data_dir
                             : context.external->data.parent_path().string();
    const bool known = ::statvfs(folder.c_str(), &disk) == 0;
    const auto free = known ? std::uint64_t{disk.f_bavail} * disk.f_frsize : 0;
    report.add({"disk", known && free >= disk_free_min, Level::fail,
                base::human_bytes(free) + " free", base::human_bytes(disk_free_min),
                "free space on the file system of " + folder});
}

void check_probes(const link::ProbeResult& probe, Report& report)
{
    using Kind = link::ProbeResult::Kind;
    if (probe.kind == Kind::none_configured)
        return report.add({"probes", false, Level::warn, "none configured", "at least 1",
                           "without [pair] probes the standby never takes over on silence"});
    const bool reached = probe.kind == Kind::reached;
    report.add({"probes", reached, Level::warn,
                reached ? probe.address + " answers" : "none answers " + probe.why, "1 answers",
                "a node that reaches no probe neither takes over nor goes on alone: look at the "
                "addresses in [pair] probes"});
}

void check_witness(const Context& context, Report& report)
{
    if (context.witness == nullptr) return;
    const auto status = context.witness->status();
    const auto limit = context.config.witness->timeout / 2;
    for (const auto& view : status.endpoints) {
        report.add({"witness " + view.url, view.up, Level::warn, view.up ? "answers" : view.why,
                    "answers", "look at that etcd and the network to it"});
        if (!view.up) continue;
        const auto latency = duration_cast<milliseconds>(view.latency);
        report.add({"witness latency " + view.url, latency <= limit, Level::warn,
                    fmt::format("{:.1f} ms", static_cast<double>(view.latency.count()) / 1000),
                    base::human_duration(limit),
                    "its answer may come too late: look at that etcd, or raise takeover_delay"});
    }
    for (const auto& endpoint : context.config.witness->endpoints)
        if (in_the_clear(endpoint))
            report.add({"witness secrecy " + endpoint, false, Level::warn, "in the clear", "https",
                        "anybody on the way can make a master: use https, see roleswap.toml(5)"});
    const auto trouble = witness_trouble(context);
    report.add({"witness", trouble.empty(), Level::warn,
                trouble.empty() ? std::string(to_string(status.health)) : trouble,
                "holds what this node knows", "see \"roleswap witness status\""});
}

/// Whether a frozen daemon cannot keep tasks alive, and how sure that is.
void check_guard(const Context& context, Report& report)
{
    const auto guard = context.guard.snapshot();
    if (!guard.running)
        return report.add(
            {"guard", false, Level::fail, guard.trouble, "it watches", "see \"roleswap events\""});
    report.add({"guard", (guard.protection & full_protection) == full_protection, Level::warn,
                protection_text(guard.protection), "memory locked, real-time, kills by cgroup",
                "run roleswapd as root by its unit, on a host with cgroup v2"});
    if (context.config.guard.watchdog.empty()) return;
    report.add({"watchdog", guard.watchdog, Level::fail,
                guard.watchdog ? "armed and fed" : guard.watchdog_trouble, "armed and fed",
                "see [guard] watchdog in roleswap.toml(5)"});
}

void check_fence(const Context& context, Report& report)
{
    if (context.fence == nullptr) return;
    const bool asked = context.fence->is_meatware() || context.fence->status().look.has_value();
    report.add({"fence", asked && !fence_trouble(context), Level::warn, fence_look_text(context),
                "answers",
                "without it no silent master is replaced: look with \"roleswap fence test\""});
}

void check_machine(const Context& context, Report& report)
{
    const auto worst = duration_cast<milliseconds>(context.driver.worst_delay());
    const auto limit = context.config.pair.takeover_delay / 2;
    report.add({"jitter", worst <= limit, Level::warn,
                base::human_duration(worst) + " worst in the last minute",
                base::human_duration(limit),
                "this machine is too slow at times for its takeover_delay: raise it"});
    const auto peer_digest = context.peer.last().value("config_digest", context.config_digest);
    report.add({"configuration", peer_digest == context.config_digest, Level::fail,
                peer_digest == context.config_digest ? "equal" : "differs", "equal on both nodes",
                "copy the configuration file of one node to the other and restart that one"});
}

/// What the tasks need of this node: known before the swap, and no reason against it.
void check_tasks(const Context& context, Report& report)
{
    const auto& last = context.bindings.report();
    report.add({"tasks", last.trouble.empty() && last.list.empty(), Level::warn,
                last.trouble.empty()
                    ? fmt::format("{} of {} could run here", last.tasks - last.unready, last.tasks)
                    : last.trouble,
                "all could run here", "see the checks of the tasks that follow"});
    for (const auto& one : last.list)
        report.add({"task " + one.task, false, Level::warn, one.what + ": " + one.value,
                    "what it needs is here", one.fix});
}

/// What keeps work from being done, by an operator's word or for want of one.
void check_work(const Context& context, Report& report)
{
    if (context.driver.state().role != Role::master) return;
    const auto work = context.engine.status_part();
    const auto& pause = work.at("paused");
    report.add({"pause", pause.is_null(), Level::warn,
                pause.is_null() ? "none"
                                : fmt::format("everything, since {} by {}", pause.value("at", ""),
                                              pause.value("by", "")),
                "none", "\"roleswap resume-all\" ends it"});
    const auto held =
        work.at("held").is_null() ? 0 : work.at("held").value("runs", std::uint64_t{0});
    report.add({"held runs", held == 0, Level::warn, std::to_string(held), "0",
                "look with \"roleswap held list\", then release or drop them"});
}

/// A swap waits for those that are connected, and nobody else runs what the others should.
void check_agents(const Context& context, Report& report)
{
    if (context.driver.state().role != Role::master) return;
    const auto work = context.engine.status_part();
    for (const auto& agent : work["agents"]) {
        const auto state = agent["state"].get<std::string>();
        report.add({"agent " + agent["name"].get<std::string>(), state == "connected", Level::warn,
                    state, "connected", "look at that host: systemctl status roleswap-agent"});
    }
}

} // namespace

json local_checks(const Context& context, const link::ProbeResult& probe)
{
    Report report(context.self_node().name);
    check_role(context, report);
    check_links(context, report);
    check_store(context, report);
    check_external(context, report);
    check_versions(context, report);
    check_disk(context, report);
    if (!context.is_dr()) check_probes(probe, report);
    check_witness(context, report);
    check_fence(context, report);
    check_machine(context, report);
    check_guard(context, report);
    check_tasks(context, report);
    check_work(context, report);
    check_agents(context, report);
    return report.take();
}

json unreachable_checks(const std::string& node, const std::string& why)
{
    Report report(node);
    report.add({"reachable", false, Level::fail, why, "it answers",
                "start roleswapd on it, look at the links"});
    return report.take();
}

json check_report(const json& here, const json& peer)
{
    json all = here;
    all.insert(all.end(), peer.begin(), peer.end());
    const bool ready = std::ranges::all_of(
        all, [](const json& check) { return check["ok"].get<bool>() || check["level"] == "warn"; });
    return {{"ready", ready}, {"checks", all}};
}

} // namespace roleswap::daemon
