#include "task/error.hpp"

namespace roleswap::task {

Error::Error(unsigned column, const std::string& read, const std::string& allowed)
    : std::runtime_error(base::with_visible_nulls(read + "; allowed: " + allowed)), column_(column),
      read_(read), allowed_(allowed)
{
}

} // namespace roleswap::task
