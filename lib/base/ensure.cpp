#include "base/ensure.hpp"
#include <cstdio>
#include <cstdlib>

namespace roleswap::base {

void ensure(bool condition, const char* why, std::source_location where) noexcept
{
    if (condition) return;
    std::fprintf(stderr, "roleswap: bug at %s:%u (%s): %s\n", where.file_name(), where.line(),
                 where.function_name(), why);
    std::abort();
}

} // namespace roleswap::base
