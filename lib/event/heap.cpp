#include "event/heap.hpp"
#include <malloc.h>

namespace roleswap::event {

void give_back_memory() noexcept
{
    ::malloc_trim(0);
}

} // namespace roleswap::event
