#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace roleswap::wire {

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

/// Text as bytes and back, without a copy; the result lives as long as the argument's storage.
inline View view(std::string_view text)
{
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view text(View bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Appends numbers in network byte order.
class Writer {
public:
    Writer() { out_.reserve(usual_bytes); }
    void u8(std::uint8_t value) { out_.push_back(value); }
    void u16(std::uint16_t value) { number(value, 2); }
    void u32(std::uint32_t value) { number(value, 4); }
    void u64(std::uint64_t value) { number(value, 8); }
    void raw(View bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
    Bytes take() { return std::move(out_); }

private:
    static constexpr std::size_t usual_bytes = 192; ///< a heartbeat: it has one place, not eight
    void number(std::uint64_t value, unsigned size);
    Bytes out_;
};

/// Reads what Writer wrote.  Reading beyond the end yields zero and makes `ok()` false for good, so
/// a decoder reads all fields and asks once.
class Reader {
public:
    explicit Reader(View bytes) : rest_(bytes) {}
    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    /// Empty and not ok where fewer than `size` bytes are left.
    View raw(std::size_t size);
    View rest() { return raw(rest_.size()); }

    std::size_t left() const { return rest_.size(); }
    bool ok() const { return ok_; }
    bool at_end() const { return ok_ && rest_.empty(); }

private:
    std::uint64_t number(unsigned size);
    View rest_;
    bool ok_ = true;
};

} // namespace roleswap::wire
