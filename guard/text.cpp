#include "text.hpp"
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace roleswap::guard {

Path& Path::add(const char* text) noexcept
{
    while (*text != '\0' && size_ + 1 < size_max) text_[size_++] = *text++;
    return *this;
}

Path& Path::add(long number) noexcept
{
    char digits[24] = {};
    std::size_t at = sizeof digits - 1;
    do {
        digits[--at] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return add(digits + at);
}

long number_at(const char* text) noexcept
{
    constexpr long number_max = 1L << 40; // above any process id, below any overflow
    if (*text < '0' || *text > '9') return -1;
    long number = 0;
    for (; *text >= '0' && *text <= '9' && number < number_max; ++text)
        number = number * 10 + (*text - '0');
    return number;
}

const char* find(const char* text, std::size_t size, const char* word, std::size_t length) noexcept
{
    return static_cast<const char*>(::memmem(text, size, word, length));
}

ssize_t read_start(const char* path, char* text, std::size_t size) noexcept
{
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    const auto got = ::read(file, text, size);
    ::close(file);
    return got;
}

} // namespace roleswap::guard
