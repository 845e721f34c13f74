#pragma once

namespace roleswap::event {

/// Gives memory that was freed back to the system: malloc(3) keeps most of it for later, and one
/// answer about a hundred thousand tasks takes as much as all of them.  Takes some milliseconds;
/// for a thread beside the loop.
void give_back_memory() noexcept;

} // namespace roleswap::event
