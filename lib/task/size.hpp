#pragma once
#include "task/task.hpp"
#include <cstddef>
#include <string>
#include <string_view>

/// What the kernel takes of arguments and environment, execve(2), "Limits on size of arguments and
/// environment": said when a task is made, not when its first run fails.
namespace roleswap::task {

/// One argument, or one NAME=value: 32 pages with the null byte.
inline constexpr std::size_t argument_bytes_max = std::size_t{32} * 4096 - 1;
/// All of them of a task.  The kernel takes a quarter of the stack limit, usually 2 MiB; the rest
/// is for what roleswap adds, and for tighter limits.
inline constexpr std::size_t arguments_bytes_max = std::size_t{512} * 1024;

/// Throws Error where `bytes` of what is named so are too many for one argument.
void check_argument_size(std::string_view what, std::size_t bytes);
/// Throws Error where command or argv and environment, also with the values of a node, are too many
/// together.
void check_arguments_size(const Task& task);

} // namespace roleswap::task
