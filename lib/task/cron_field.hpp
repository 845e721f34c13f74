#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace roleswap::task {

/// One of the five fields of a crontab line: its range and the names it takes.
struct CronFieldKind {
    std::string_view name; ///< as cron calls it: "minute", "day-of-month" ...
    unsigned low = 0;
    unsigned high = 0;
    std::span<const std::string_view> names; ///< of low, low + 1 ...; compared without case
};

/// In the order of the line.
std::span<const CronFieldKind> cron_field_kinds();

struct CronField {
    std::uint64_t bits = 0; ///< bit n stands for the value n
    bool star = false;      ///< begins with *
};

/// Reads a list of numbers, names, ranges and *, the latter two with an optional step.  `column` is
/// where the field begins, for the message.  Throws Error.
CronField parse_cron_field(const CronFieldKind& kind, std::string_view text, unsigned column);

/// Reads the number or name of one value.  Throws Error.
unsigned parse_cron_value(const CronFieldKind& kind, std::string_view text, unsigned column);

} // namespace roleswap::task
