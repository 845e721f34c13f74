#include "task/task.hpp"
#include <algorithm>

namespace roleswap::task {

std::string_view to_string(Overlap value)
{
    switch (value) {
    case Overlap::skip:
        return "skip";
    case Overlap::queue:
        return "queue";
    case Overlap::parallel:
        return "parallel";
    }
    return "?";
}

std::string_view to_string(CatchUp value)
{
    switch (value) {
    case CatchUp::none:
        return "none";
    case CatchUp::last:
        return "last";
    case CatchUp::all:
        return "all";
    }
    return "?";
}

std::string_view to_string(AfterCrash value)
{
    switch (value) {
    case AfterCrash::rerun:
        return "rerun";
    case AfterCrash::hold:
        return "hold";
    }
    return "?";
}

std::string_view to_string(OnSwap value)
{
    switch (value) {
    case OnSwap::wait:
        return "wait";
    case OnSwap::move:
        return "move";
    }
    return "?";
}

std::string_view to_string(TaskKind value)
{
    switch (value) {
    case TaskKind::command:
        return "command";
    case TaskKind::noop:
        return "noop";
    }
    return "?";
}

bool is_valid_name(std::string_view name)
{
    constexpr std::string_view more = "._-";
    return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [more](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               more.find(c) != std::string_view::npos;
    });
}

} // namespace roleswap::task
