#include "words.hpp"
#include "bus/verb.hpp"
#include <algorithm>
#include <array>
#include <utility>

namespace roleswap::cli {
namespace {

/// Verbs whose command is not made of their own words.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> others{{
    {"hand_over", "hand-over"},
    {"task_apply", "apply"},
    {"task_export", "export"},
    {"node_status", "status"},
    {"activate_check", "activate --dry-run"},
    {"join_password", "password set"},
    {"memory_show", "memory list"},
    {"pause_all", "pause-all"},
    {"resume_all", "resume-all"},
}};

bool in_word(char letter)
{
    return letter == '_' || (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
           (letter >= 'A' && letter <= 'Z');
}

} // namespace

std::string command_of(std::string_view verb)
{
    for (const auto& [name, command] : others)
        if (name == verb) return std::string(command);
    std::string command(verb);
    std::ranges::replace(command, '_', ' ');
    return command;
}

std::string in_commands(std::string_view sentence)
{
    std::string told;
    while (!sentence.empty()) {
        const auto end = std::ranges::find_if_not(sentence, in_word);
        const auto length = static_cast<std::size_t>(end - sentence.begin());
        const std::string_view word = sentence.substr(0, length);
        const bool quoted = !told.empty() && told.back() == '"';
        told += !quoted && bus::find_verb(word) ? command_of(word) : std::string(word);
        sentence.remove_prefix(length);
        const auto next = std::ranges::find_if(sentence, in_word);
        told.append(sentence.begin(), next);
        sentence.remove_prefix(static_cast<std::size_t>(next - sentence.begin()));
    }
    return told;
}

} // namespace roleswap::cli
