#include "wire/error.hpp"

namespace roleswap::wire {

std::string_view to_string(Error error)
{
    switch (error) {
    case Error::truncated:
        return "truncated";
    case Error::trailing:
        return "trailing bytes";
    case Error::bad_magic:
        return "bad magic";
    case Error::bad_version:
        return "bad version";
    case Error::bad_kind:
        return "bad kind";
    case Error::bad_value:
        return "bad value";
    }
    return "unknown";
}

} // namespace roleswap::wire
