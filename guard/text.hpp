#pragma once
#include <cstddef>
#include <sys/types.h>

namespace roleswap::guard {

/// A path put together in place: the guard uses no memory of the heap, nor calls that might.
class Path {
public:
    Path& add(const char* text) noexcept;
    Path& add(long number) noexcept;
    const char* c_str() const noexcept { return text_; }

private:
    static constexpr std::size_t size_max = 512;
    char text_[size_max] = {};
    std::size_t size_ = 0;
};

/// The decimal number that the text begins with; -1 where it begins with none.
long number_at(const char* text) noexcept;

/// First place of `word` in `text`; nullptr where it is not there.
const char* find(const char* text, std::size_t size, const char* word, std::size_t length) noexcept;

/// Up to `size` bytes of the start of a file; negative when it cannot be read.
ssize_t read_start(const char* path, char* text, std::size_t size) noexcept;

} // namespace roleswap::guard
