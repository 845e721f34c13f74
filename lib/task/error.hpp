#pragma once
#include "base/parse_error.hpp"
#include <stdexcept>
#include <string>

namespace roleswap::task {

/// A file of tasks is wrong: "path:line:column: what was read, what is allowed".
using FileError = base::ParseError;

/// A schedule, a time zone name or a field of a task is wrong.  what() is the whole sentence: what
/// was read and what is allowed.
class Error : public std::runtime_error {
public:
    Error(unsigned column, const std::string& read, const std::string& allowed);
    /// Bytes from 1 into the text that was parsed; 1 where there is no such text.
    unsigned column() const { return column_; }
    const std::string& read() const { return read_; }
    const std::string& allowed() const { return allowed_; }

private:
    unsigned column_;
    std::string read_;
    std::string allowed_;
};

} // namespace roleswap::task
