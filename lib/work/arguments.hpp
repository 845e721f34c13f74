#pragma once
#include "work/engine.hpp"
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace roleswap::work {

/// Ends a verb with its error, on the way out of the function that handles it.
struct Refusal : std::runtime_error {
    Refusal(VerbError::Code wanted, const std::string& why) : std::runtime_error(why), code(wanted)
    {
    }
    VerbError::Code code;
};

/// The arguments of one verb.  Every getter throws Refusal{bad_argument} with the argument, what
/// was given and what is allowed.
class Arguments {
public:
    /// `known`: all allowed names; "node" is for the daemon and always allowed.
    Arguments(std::string_view verb, const nlohmann::json& args,
              const std::vector<std::string_view>& known);

    std::string text(const char* name, const char* allowed) const;
    std::string text_or(const char* name, const char* allowed, const std::string& missing) const;
    /// The text must be one of these.
    std::string choice(const char* name, const std::vector<std::string_view>& allowed) const;
    std::int64_t number(const char* name, std::int64_t least, std::int64_t most) const;
    std::int64_t number_or(const char* name, std::int64_t least, std::int64_t most,
                           std::int64_t missing) const;
    bool flag(const char* name) const; ///< false when missing
    /// Empty when missing.
    std::vector<std::string> texts(const char* name, const char* allowed) const;
    bool has(const char* name) const;
    const nlohmann::json& object(const char* name, const char* allowed) const;

private:
    [[noreturn]] void refuse(const char* name, const std::string& allowed) const;
    std::string command_;
    const nlohmann::json& args_;
};

} // namespace roleswap::work
