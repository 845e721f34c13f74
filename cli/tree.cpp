#include "tree.hpp"
#include "paths.hpp"
#include <algorithm>
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

namespace roleswap::cli {
namespace {

constexpr const char* footer =
    "Exit codes: 0 done, 1 failed, 2 usage or bad argument, 3 refused or not ready,\n"
    "4 daemon or peer does not answer, 5 denied, 6 not found,\n"
    "7 items are in doubt.  See roleswap(1).";

/// Empty when it is one; CLI11 puts the option before the text.
std::string json_pointer(const std::string& text)
{
    try {
        (void)nlohmann::json::json_pointer(text);
        return {};
    } catch (const nlohmann::json::exception&) {
        return "\"" + printable(text) + "\" is no JSON pointer; allowed is such as /nodes/0/role";
    }
}

void add_global_options(CLI::App& app, GlobalOptions& options)
{
    app.add_option("--config", options.config,
                   "Configuration file [ROLESWAP_CONFIG, /etc/roleswap/roleswap.toml]");
    app.add_option("--socket", options.socket,
                   "Control socket [ROLESWAP_SOCKET, ctl in the node's run_dir]");
    app.add_option("--node", options.node, "Let this node carry it out");
    app.add_option("--get", options.get, "Print one part of the result, a JSON pointer: /node")
        ->check(json_pointer, "POINTER");
    app.add_flag("--json", options.json, "Print JSON");
    app.set_version_flag("--version", std::string("roleswap ") + version_text,
                         "Print the version and end");
}

std::vector<const CLI::App*> commands_of(const CLI::App& app)
{
    return app.get_subcommands(
        [](const CLI::App* command) { return !command->get_group().empty(); });
}

const CLI::App* find_command(const CLI::App& app, const std::string& word)
{
    for (const CLI::App* command : commands_of(app))
        if (command->get_name() == word) return command;
    return nullptr;
}

/// An option of the command or of those above it; null when there is none of that name.
const CLI::Option* find_option(const std::vector<const CLI::App*>& path, const std::string& word)
{
    const std::string name = word.substr(0, word.find('='));
    for (const CLI::App* app : path)
        if (const CLI::Option* option = app->get_option_no_throw(name)) return option;
    return nullptr;
}

/// Where a command line stands after some words.
struct Position {
    std::vector<const CLI::App*> path; ///< from the root to the command
    std::string unknown;               ///< first word that is neither command nor option
    bool wants_value = false;          ///< the last word is an option that takes a value
    std::optional<std::size_t> dashes; ///< index of the word "--"
};

Position walk(const CLI::App& app, const std::vector<std::string>& words)
{
    Position at{{&app}, "", false, {}};
    for (std::size_t i = 0; i < words.size() && !at.dashes; ++i) {
        const std::string& word = words[i];
        if (std::exchange(at.wants_value, false)) continue;
        if (word == "--") at.dashes = i;
        if (at.dashes) continue;
        if (word.size() > 1 && word[0] == '-') {
            const CLI::Option* option = find_option(at.path, word);
            if (!option && at.unknown.empty()) at.unknown = word;
            at.wants_value = option && option->get_expected_max() > 0 &&
                             option->get_items_expected_max() > 0 &&
                             word.find('=') == std::string::npos;
        } else if (const CLI::App* command = find_command(*at.path.back(), word)) {
            at.path.push_back(command);
        } else if (!commands_of(*at.path.back()).empty()) {
            at.unknown = word;
            break;
        }
    }
    return at;
}

std::vector<std::string> option_names(const std::vector<const CLI::App*>& path)
{
    std::vector<std::string> names;
    for (const CLI::App* app : path)
        for (const CLI::Option* option : app->get_options())
            for (const std::string& name : option->get_lnames())
                if (std::ranges::find(names, "--" + name) == names.end()) // each level has --help
                    names.push_back("--" + name);
    return names;
}

std::vector<std::string> command_names(const CLI::App& app)
{
    std::vector<std::string> names;
    for (const CLI::App* command : commands_of(app)) names.push_back(command->get_name());
    return names;
}

void print_completions(const CLI::App& app, const std::vector<std::string>& words)
{
    for (const std::string& word : completions(app, words)) fmt::print("{}\n", word);
}

/// What the parser found, and where the help of that very command is.
std::string fault_with_help(const CLI::ParseError& error, const Position& at)
{
    std::string command;
    for (const CLI::App* app : at.path) command += app->get_name() + " ";
    const auto below = command_names(*at.path.back());
    if (below.empty()) return fmt::format("{}.  See {}--help.", error.what(), command);
    return fmt::format("a command is missing after \"{}\"; there are: {}.  See {}--help.",
                       command.substr(0, command.size() - 1), fmt::join(below, ", "), command);
}

/// Gives the words after "--" to the command that wants them, as they are; the parser would make
/// "a" and "b" of "[a,b]".  Returns the number of words that are left to it.
int take_after_dashes(const CLI::App& app, Values& values, const std::vector<std::string>& words)
{
    const Position at = walk(app, words);
    const auto wanted = values.after_dashes.find(at.path.back());
    if (!at.dashes || wanted == values.after_dashes.end()) return static_cast<int>(words.size());
    const auto dashes = static_cast<std::ptrdiff_t>(*at.dashes);
    wanted->second->assign(words.begin() + dashes + 1, words.end());
    return static_cast<int>(dashes);
}

int parse(CLI::App& app, Values& values, int argc, char** argv)
{
    try {
        app.parse(1 + take_after_dashes(app, values, {argv + 1, argv + argc}), argv);
        return exit_ok;
    } catch (const CLI::Success& help) {
        return app.exit(help);
    } catch (const CLI::ParseError& error) {
        const std::vector<std::string> words(argv + 1, argv + argc);
        const std::string word = unknown_word(app, words);
        throw UsageError(word.empty() ? fault_with_help(error, walk(app, words)) : word);
    }
}

} // namespace

std::string unknown_word(const CLI::App& app, const std::vector<std::string>& words)
{
    const Position at = walk(app, words);
    if (at.unknown.empty()) return {};
    const bool option = at.unknown[0] == '-';
    const auto known = option ? option_names(at.path) : command_names(*at.path.back());
    const std::vector<std::string_view> views(known.begin(), known.end());
    const std::string_view near = nearest(at.unknown, views.data(), views.size());
    std::string line =
        fmt::format("there is no {} \"{}\"", option ? "option" : "command", printable(at.unknown));
    if (at.path.size() > 1) line += " of " + at.path.back()->get_name();
    if (!near.empty()) return line + fmt::format("; did you mean \"{}\"?", near);
    return line + fmt::format("; there are: {}.", fmt::join(known, ", "));
}

std::vector<std::string> completions(const CLI::App& app, const std::vector<std::string>& words)
{
    if (words.empty()) return command_names(app);
    const Position at = walk(app, {words.begin(), words.end() - 1});
    if (at.wants_value || !at.unknown.empty()) return {};
    const bool option = words.back().starts_with('-');
    auto known = option ? option_names(at.path) : command_names(*at.path.back());
    std::erase_if(known, [&](const auto& name) { return !name.starts_with(words.back()); });
    return known;
}

int run(int argc, char** argv)
{
    Values values;
    values.context.style = detect_style();
    CLI::App app{"Two servers, one master: look at the pair, swap its roles, run its tasks.",
                 "roleswap"};
    app.fallthrough();
    app.require_subcommand(1);
    app.footer(footer);
    add_global_options(app, values.context.options);
    add_look_commands(app, values);
    add_role_commands(app, values);
    add_work_commands(app, values);
    add_held_commands(app, values);
    add_memory_commands(app, values);
    add_agent_commands(app, values);
    add_setup_commands(app, values);
    // For the shell's completion; not shown in the help.
    if (argc > 1 && std::string_view(argv[1]) == "--complete") {
        print_completions(app, {argv + 2, argv + argc});
        return exit_ok;
    }
    const int parsed = parse(app, values, argc, argv);
    return parsed == exit_ok ? values.result : parsed;
}

} // namespace roleswap::cli
