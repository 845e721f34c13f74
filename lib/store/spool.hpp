#pragma once
#include "event/fd.hpp"
#include <filesystem>
#include <string>
#include <string_view>

namespace roleswap::store {

/// A file of lines, mode 0600, that is there completely or not at all: written under another name,
/// synced and renamed by `finish`; without that nothing stays.  Blocks; throws std::system_error.
class Spool {
public:
    explicit Spool(std::filesystem::path path);
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;
    ~Spool();

    void add(std::string_view line);
    std::size_t lines() const { return lines_; }
    void finish();

private:
    void write_out();
    std::filesystem::path path_;
    std::filesystem::path draft_;
    std::string waiting_;
    std::size_t lines_ = 0;
    event::UniqueFd file_;
};

} // namespace roleswap::store
