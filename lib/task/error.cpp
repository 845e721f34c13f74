#include "task/error.hpp"

namespace roleswap::task {

Error::Error(unsigned column, const std::string& read, const std::string& allowed)
    : std::runtime_error(read + "; allowed: " + allowed), column_(column), read_(read),
      allowed_(allowed)
{
}

} // namespace roleswap::task
