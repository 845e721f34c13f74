#pragma once
#include "task/cron_field.hpp"
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The parts of a crontab line, by crontab(5) and load_env, load_entry and do_command of cronie.
namespace roleswap::task {

struct CrontabVariable {
    std::string name;
    std::string value;
};
/// NAME=value with optional blanks and quotes; `line` has no leading blanks.  Empty when cron takes
/// the line for an entry instead, as it does with an empty value that is not quoted.
std::optional<CrontabVariable> parse_crontab_variable(std::string_view line);

struct CrontabCommand {
    std::string command;
    std::string input; ///< ends with a newline when it is not empty
};
/// The first % ends the command; the rest is its standard input with % as newline; \% is a %.
CrontabCommand split_crontab_command(std::string_view text);

/// A field whose random values (cronie: "0~30", "~") are replaced by fixed ones.
struct FixedField {
    std::string text;
    bool changed = false;
};
/// `seed` decides the values: the same seed gives the same text.  Throws Error.
FixedField fix_random(const CronFieldKind& kind, std::string_view text, unsigned column,
                      std::uint64_t seed);

} // namespace roleswap::task
