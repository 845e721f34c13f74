#pragma once
#include <stdexcept>
#include <string>

namespace roleswap::base {

/// For messages, which end at a null byte: it is written as in TOML, \u0000.
std::string with_visible_nulls(std::string text);

/// A text that somebody wrote is not what it should be.  what() is "path:line:column: message";
/// the message tells what was read and what is allowed.  Lines and columns count from 1, columns
/// in bytes.
class ParseError : public std::runtime_error {
public:
    struct Place {
        std::string path;
        unsigned line = 1;
        unsigned column = 1;
    };
    ParseError(Place place, std::string message);

    const std::string& path() const { return place_.path; }
    unsigned line() const { return place_.line; }
    unsigned column() const { return place_.column; }
    const std::string& message() const { return message_; }

private:
    Place place_;
    std::string message_;
};

} // namespace roleswap::base
