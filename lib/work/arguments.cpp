#include "work/arguments.hpp"
#include "base/command_name.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::work {

using nlohmann::json;

namespace {

/// The store takes no such text, and C would cut it there.
bool has_null(const std::string& text)
{
    return text.find('\0') != std::string::npos;
}

} // namespace

Arguments::Arguments(std::string_view verb, const json& args,
                     const std::vector<std::string_view>& known)
    : command_(base::command_name(verb)), args_(args)
{
    if (!args.is_object())
        throw Refusal(VerbError::Code::bad_argument,
                      fmt::format("{}: the arguments are {}; allowed: a JSON object", command_,
                                  args.dump().substr(0, 60)));
    for (const auto& [name, value] : args.items()) {
        if (name == "node" || std::find(known.begin(), known.end(), name) != known.end()) continue;
        throw Refusal(
            VerbError::Code::bad_argument,
            fmt::format("{}: there is no argument \"{}\"; allowed: {}", command_, name,
                        known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
    }
}

void Arguments::refuse(const char* name, const std::string& allowed) const
{
    const auto given = has(name) ? "is " + args_.at(name).dump().substr(0, 60) : "is missing";
    throw Refusal(VerbError::Code::bad_argument,
                  fmt::format("{}: {} {}; allowed: {}", command_, name, given, allowed));
}

bool Arguments::has(const char* name) const
{
    return args_.contains(name) && !args_.at(name).is_null();
}

std::string Arguments::text(const char* name, const char* allowed) const
{
    if (!has(name) || !args_.at(name).is_string()) refuse(name, allowed);
    auto text = args_.at(name).get<std::string>();
    if (has_null(text)) refuse(name, fmt::format("{}, without NUL bytes", allowed));
    return text;
}

std::string Arguments::text_or(const char* name, const char* allowed,
                               const std::string& missing) const
{
    return has(name) ? text(name, allowed) : missing;
}

std::string Arguments::choice(const char* name, const std::vector<std::string_view>& allowed) const
{
    const auto list = fmt::format("{}", fmt::join(allowed, ", "));
    const auto value = text(name, list.c_str());
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) refuse(name, list);
    return value;
}

std::int64_t Arguments::number(const char* name, std::int64_t least, std::int64_t most) const
{
    const auto allowed = fmt::format("a whole number from {} to {}", least, most);
    if (!has(name) || !args_.at(name).is_number_integer()) refuse(name, allowed);
    const auto value = args_.at(name).get<std::int64_t>();
    if (value < least || value > most) refuse(name, allowed);
    return value;
}

std::int64_t Arguments::number_or(const char* name, std::int64_t least, std::int64_t most,
                                  std::int64_t missing) const
{
    return has(name) ? number(name, least, most) : missing;
}

bool Arguments::flag(const char* name) const
{
    if (!has(name)) return false;
    if (!args_.at(name).is_boolean()) refuse(name, "true, false");
    return args_.at(name).get<bool>();
}

std::vector<std::string> Arguments::texts(const char* name, const char* allowed) const
{
    std::vector<std::string> texts;
    if (!has(name)) return texts;
    if (!args_.at(name).is_array()) refuse(name, allowed);
    for (const auto& text : args_.at(name)) {
        if (!text.is_string()) refuse(name, allowed);
        texts.push_back(text.get<std::string>());
        if (has_null(texts.back())) refuse(name, fmt::format("{}, without NUL bytes", allowed));
    }
    return texts;
}

const json& Arguments::object(const char* name, const char* allowed) const
{
    if (!has(name) || !args_.at(name).is_object()) refuse(name, allowed);
    return args_.at(name);
}

} // namespace roleswap::work
