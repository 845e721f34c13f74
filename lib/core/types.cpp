#include "core/types.hpp"

namespace roleswap::core {

std::string_view to_string(Role role)
{
    switch (role) {
    case Role::undecided:
        return "undecided";
    case Role::standby:
        return "standby";
    case Role::claiming:
        return "claiming";
    case Role::master:
        return "master";
    case Role::releasing:
        return "releasing";
    case Role::demoting:
        return "demoting";
    }
    return "?";
}

std::string_view to_string(Mode mode)
{
    switch (mode) {
    case Mode::alone:
        return "alone";
    case Mode::mirrored:
        return "mirrored";
    }
    return "?";
}

std::string_view to_string(StoreState state)
{
    switch (state) {
    case StoreState::down:
        return "down";
    case StoreState::following:
        return "following";
    case StoreState::primary:
        return "primary";
    case StoreState::frozen:
        return "frozen";
    }
    return "?";
}

} // namespace roleswap::core
