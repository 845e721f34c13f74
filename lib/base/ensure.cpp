#include "base/ensure.hpp"
#include <cstdio>
#include <cstdlib>

namespace roleswap::base {

void ensure(bool condition, const char* why, const char* file, int line,
            const char* function) noexcept
{
    if (condition) return;
    std::fprintf(stderr, "roleswap: bug at %s:%d (%s): %s\n", file, line, function, why);
    std::abort();
}

} // namespace roleswap::base
