#include "modes.hpp"
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <sstream>
#include <stdexcept>

/// A mode and its bounds as one line, there and back.
namespace roleswap::explore {
namespace {

constexpr std::array<std::string_view, fault_kinds> fault_names = {
    "cut", "crash", "freeze", "stall", "store", "third", "guard", "command"};

std::invalid_argument unknown(std::string_view what, std::string_view value)
{
    return std::invalid_argument(fmt::format("there is no {} \"{}\"", what, value));
}

char digit_of(const std::string& name)
{
    for (std::size_t kind = 0; kind < fault_kinds; ++kind)
        if (fault_names[kind] == name) return static_cast<char>('0' + kind);
    throw unknown("kind of fault", name);
}

std::string digits_of(const std::string& kinds)
{
    std::string digits;
    if (kinds == "none") return digits;
    std::istringstream names(kinds);
    for (std::string name; std::getline(names, name, '+');) digits += digit_of(name);
    return digits;
}

std::uint8_t number_of(const std::string& value)
{
    std::uint8_t number = 0;
    const char* end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, number);
    if (read.ec != std::errc{} || read.ptr != end) throw unknown("number of faults", value);
    return number;
}

void set(Mode& mode, const std::string& word)
{
    const auto equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (key == "faults")
        mode.faults = number_of(value);
    else if (key == "kinds")
        only(mode, digits_of(value), mode.faults);
    else if (key == "sabotage")
        mode.sabotage = find_sabotage(value);
    else
        throw unknown("bound", word);
}

} // namespace

std::string kinds_of(const Mode& mode)
{
    std::string text;
    for (std::size_t kind = 0; kind < fault_kinds; ++kind)
        if (mode.budget[kind] > 0)
            text += (text.empty() ? "" : "+") + std::string(fault_names[kind]);
    return text.empty() ? "none" : text;
}

std::string write_mode(const Mode& mode)
{
    return fmt::format("{} faults={} kinds={} sabotage={}", mode.name, mode.faults, kinds_of(mode),
                       name_of(mode.sabotage));
}

Mode parse_mode(const std::string& text)
{
    std::istringstream words(text);
    std::string word;
    words >> word;
    Mode mode = find_mode(word);
    while (words >> word) set(mode, word);
    return mode;
}

} // namespace roleswap::explore
