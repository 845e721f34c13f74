#include "task/size.hpp"
#include "task/binding.hpp"
#include "task/error.hpp"
#include <fmt/format.h>

namespace roleswap::task {
namespace {

constexpr std::size_t pointer_bytes = 8; ///< of each counts, too
constexpr const char* remedy = "keep large data in a file, and name that";

std::size_t size_of(const Task& task)
{
    std::size_t bytes = task.command.size() + task.shell.size();
    for (const auto& text : task.argv) bytes += text.size() + 1 + pointer_bytes;
    for (const auto& [name, value] : *task.environment)
        bytes += name.size() + value.size() + 2 + pointer_bytes;
    return bytes;
}

void check(const Task& task, const std::string& where)
{
    const auto bytes = size_of(task);
    if (bytes <= arguments_bytes_max) return;
    throw Error(1,
                fmt::format("task \"{}\" has {} bytes of command, arguments and environment{}",
                            task.name, bytes, where),
                fmt::format("up to {}; {}", arguments_bytes_max, remedy));
}

} // namespace

void check_argument_size(std::string_view what, std::size_t bytes)
{
    if (bytes <= argument_bytes_max) return;
    throw Error(1, fmt::format("{} has {} bytes", what, bytes),
                fmt::format("up to {}, which the kernel takes as one argument or variable; {}",
                            argument_bytes_max, remedy));
}

void check_arguments_size(const Task& task)
{
    check(task, "");
    for (const auto& [node, own] : *task.node) check(on_node(task, node), " on " + node);
}

} // namespace roleswap::task
