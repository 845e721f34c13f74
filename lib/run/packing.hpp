#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What one program of ours tells another about a run: texts, each followed by a null byte, which
/// none of them can hold since all are for execve(2); numbers are texts of decimal digits.
namespace roleswap::run {

class Packer {
public:
    void add(std::string_view text) { packed_.append(text).push_back('\0'); }
    void add(std::uint64_t number) { add(std::string_view(std::to_string(number))); }
    /// Its length in front.
    void add(const std::vector<std::string>& list);
    std::string take() { return std::move(packed_); }

private:
    std::string packed_;
};

/// Takes apart in the same order.  Throws std::runtime_error where it is cut off.
class Unpacker {
public:
    explicit Unpacker(std::string_view packed) : rest_(packed) {}
    std::string text() { return std::string(next()); }
    std::uint64_t number();
    std::vector<std::string> list();
    std::string_view rest() const { return rest_; }

private:
    std::string_view next();
    std::string_view rest_;
};

} // namespace roleswap::run
