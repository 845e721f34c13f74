#include "base/toml.hpp"
#include "commands.hpp"
#include "config/config.hpp"
#include "deadline.hpp"
#include "event/fd.hpp"
#include "field.hpp"
#include "render.hpp"
#include "secret.hpp"
#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/random.h>
#include <thread>

namespace roleswap::cli {
namespace {

using nlohmann::json;

constexpr milliseconds poll{50}; ///< of a wait, which is part of a swap

/// 256 bits, of letters and digits that no shell and no file takes for something else.
std::string new_token()
{
    std::array<unsigned char, 32> bytes{};
    event::check(static_cast<int>(::getrandom(bytes.data(), bytes.size(), 0)), "make a token");
    std::string token;
    for (const auto byte : bytes) token += fmt::format("{:02x}", byte);
    return token;
}

/// Of both nodes in turn, so that the first dead one is followed by one that lives.
std::string addresses_text(const config::Config& config)
{
    std::string list;
    for (const auto& link : config.links) {
        if (link.is_serial()) continue;
        for (const auto node : {core::Node::first, core::Node::second, core::Node::dr}) {
            const auto& address = link.address.at(node);
            if (address.empty()) continue;
            const auto host =
                address.find(':') == std::string::npos ? address : "[" + address + "]";
            list += fmt::format("    {},\n", base::toml_quoted(fmt::format(
                                                 "{}:{}", host, config.nodes.at(node).store_port)));
        }
    }
    return list;
}

/// What the host of the agent gets as /etc/roleswap/agent.toml.
std::string agent_file(const config::Config& config, const std::string& name,
                       const std::string& token)
{
    return fmt::format("# /etc/roleswap/agent.toml of agent {}, mode 0600: it holds a secret.\n"
                       "# See roleswap-agent(8).  Addresses that this host cannot reach may go.\n"
                       "[agent]\n"
                       "name = {}\n"
                       "token = {}\n"
                       "addresses = [\n{}]\n",
                       name, base::toml_quoted(name), base::toml_quoted(token),
                       addresses_text(config));
}

std::string verifier_of(const std::string& token, const std::string& name)
{
    return scram_verifier(token, "roleswap_agent_" + name);
}

void print_file(Context& context, json result, const std::string& file)
{
    result["file"] = file;
    context.print(result, [](const json& shown) { return text(shown, "file"); });
}

std::string names_of(const json& agents, std::string_view state)
{
    std::string names;
    for (const json& agent : agents)
        if (text(agent, "state") == state)
            names += (names.empty() ? "" : ", ") + printable(text(agent, "name"));
    return names;
}

std::string removed_text(const json& result, const std::string& name)
{
    std::string line = "Agent " + printable(name) + " is removed.";
    for (const json& queue : list(result, "held"))
        line += fmt::format("  Queue {0} is held: after roleswap queue release {0} the master runs "
                            "what is in it.",
                            printable(queue.get<std::string>()));
    return line + "\n";
}

} // namespace

int agent_list(Context& context)
{
    context.print(context.call("agent_list"),
                  [&](const json& result) { return render_agents(result, context.style); });
    return exit_ok;
}

int agent_add(Context& context, const AgentOptions& options)
{
    const auto config = context.load_config();
    const auto token = new_token();
    json args{{"name", options.name}, {"verifier", verifier_of(token, options.name)}};
    if (!options.queues.empty()) args["queues"] = options.queues;
    print_file(context, context.call("agent_add", args), agent_file(config, options.name, token));
    return exit_ok;
}

int agent_token(Context& context, const std::string& name)
{
    const auto config = context.load_config();
    const auto token = new_token();
    const json args{{"name", name}, {"verifier", verifier_of(token, name)}};
    print_file(context, context.call("agent_token", args), agent_file(config, name, token));
    return exit_ok;
}

int agent_remove(Context& context, const AgentOptions& options)
{
    json args{{"name", options.name}};
    if (!options.runs.empty()) args["runs"] = options.runs;
    context.print(context.call("agent_remove", args),
                  [&](const json& result) { return removed_text(result, options.name); });
    return exit_ok;
}

/// Until all that were connected to the last master are connected to this one.
int agent_wait(Context& context, const std::string& timeout)
{
    const Deadline deadline("--timeout", timeout);
    json result;
    std::string missing = "it is not known which";
    while (true) {
        try {
            result = context.call("agent_list");
            missing = names_of(list(result, "agents"), "missing");
        } catch (const bus::Error& error) {
            if (!passing(error) || deadline.over()) throw;
            context.disconnect();
        }
        if (missing.empty() || deadline.over()) break;
        context.progress("  missing: " + missing);
        std::this_thread::sleep_for(std::min(poll, deadline.left()));
    }
    context.progress("");
    result["ok"] = missing.empty();
    context.print(result, [&](const json& shown) {
        const auto here = names_of(list(shown, "agents"), "connected");
        if (!missing.empty()) return "missing after " + timeout + ": " + missing + "\n";
        return here.empty() ? std::string("no agent is awaited\n") : "connected: " + here + "\n";
    });
    return missing.empty() ? exit_ok : exit_failed;
}

} // namespace roleswap::cli
