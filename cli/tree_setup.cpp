#include "tree.hpp"
#include <CLI/CLI.hpp>

namespace roleswap::cli {
namespace {

constexpr const char* setup_group = "Set up";

/// Options that may be repeated, one value each time.
void repeated(CLI::App* app, const char* name, std::vector<std::string>& values, const char* what)
{
    app->add_option(name, values, what)->take_all()->expected(1)->allow_extra_args(false);
}

void add_init(CLI::App& app, Values& values)
{
    auto* init = app.add_subcommand("init", "Make this node the first of a new pair");
    init->group(setup_group);
    init->add_option("--pair", values.init.pair, "Name of the pair");
    repeated(init, "--node", values.init.nodes, "NAME or NAME=HOST,HOST; twice");
    repeated(init, "--link", values.init.links,
             "NAME=ADDRESS,ADDRESS in the order of the nodes; best first");
    repeated(init, "--probe", values.init.probes, "Address that answers while the LAN is well");
    init->add_option("--admin-password-file", values.init.password_file,
                     "First line: the password that roleswap join asks for");
    init->callback([&] { values.result = cli::init(values.context, values.init); });
}

void add_witness(CLI::App& app, Values& values)
{
    auto* witness = app.add_subcommand("witness", "The third party that breaks ties");
    witness->group(setup_group)->require_subcommand(1);
    auto* status = witness->add_subcommand("status", "Does it answer, and what does it hold?");
    status->callback([&] { values.result = witness_status(values.context); });
    auto* init = witness->add_subcommand("init", "Make its register from the present epoch");
    init->add_flag("--force", values.force, "Replace the one that is there");
    init->callback([&] {
        values.result =
            witness_init(values.context, values.force ? Existing::replace : Existing::keep);
    });
}

void add_join(CLI::App& app, Values& values)
{
    auto* join = app.add_subcommand("join", "Make this node the second of the pair");
    join->group(setup_group);
    join->add_option("address", values.join.address,
                     "ADDRESS[:PORT] of a node of the pair: fetch the files from there");
    join->add_option("--password-file", values.join.password_file,
                     "First line: the admin password; default: ask for it");
    join->add_option("--pair", values.join.pair, "Refuse another pair");
    join->add_flag_callback(
        "--replace-data", [&values] { values.join.replace = Replace::any; },
        "Give up the databases of this node's external store for the copy");
    join->add_option("--timeout", values.join.timeout, "Follow the first mirroring so long")
        ->capture_default_str();
    join->callback([&] { values.result = cli::join(values.context, values.join); });

    auto* password = app.add_subcommand("password", "The admin password of the pair");
    password->group(setup_group)->require_subcommand(1);
    auto* set = password->add_subcommand("set", "Set what roleswap join asks for");
    set->add_option("--password-file", values.path, "First line: the password; default: ask");
    set->callback([&] { values.result = password_set(values.context, values.path); });
}

} // namespace

void add_setup_commands(CLI::App& app, Values& values)
{
    add_init(app, values);
    add_witness(app, values);
    add_join(app, values);

    auto* config = app.add_subcommand("config", "The configuration file")->group(setup_group);
    config->require_subcommand(1);
    auto* check = config->add_subcommand("check", "Is it right?");
    check->add_option("file", values.path, "File; default: the one in use");
    check->callback([&] { values.result = config_check(values.context, values.path); });

    auto* fsm = app.add_subcommand("fsm", "All transitions of the roles")->group(setup_group);
    fsm->add_flag("--mermaid", values.mermaid, "As a Mermaid state diagram");
    fsm->callback([&] {
        values.result =
            cli::fsm(values.context, values.mermaid ? FsmForm::mermaid : FsmForm::table);
    });
    auto* version = app.add_subcommand("version", "Version of this program")->group(setup_group);
    version->callback([&] { values.result = cli::version(values.context); });
}

} // namespace roleswap::cli
