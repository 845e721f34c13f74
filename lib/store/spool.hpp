#pragma once
#include "event/fd.hpp"
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace roleswap::store {

/// A file of lines, mode 0600, that is there completely or not at all: written under another name,
/// synced and renamed by `finish`; without that nothing stays.  Its name, STEM-DIGEST.jsonl, is of
/// what is in it: other lines never take the place of a file that still waits to be brought, and
/// the same lines are never there twice.  Blocks; throws std::system_error.
class Spool {
public:
    Spool(std::filesystem::path folder, std::string stem);
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;
    ~Spool();

    void add(std::string_view line);
    std::size_t lines() const { return lines_; }
    void finish();

private:
    void write_out();
    std::filesystem::path folder_;
    std::string stem_;
    std::filesystem::path draft_;
    std::string waiting_;
    std::size_t lines_ = 0;
    std::uint64_t digest_ = 0xcbf29ce484222325; ///< FNV-1a
    event::UniqueFd file_;
};

} // namespace roleswap::store
