#include "shape.hpp"
#include <fmt/format.h>
#include <stdexcept>

namespace roleswap::sim {

std::string to_string(const Shape& shape)
{
    std::string text;
    const auto add = [&text](bool there, const char* what) {
        if (there) text += (text.empty() ? "" : "+") + std::string(what);
    };
    add(shape.witness, "witness");
    add(shape.fence, "fence");
    add(shape.guard, "guard");
    add(shape.serial, "serial");
    return text.empty() ? "pair" : text;
}

Shape parse_shape(const std::string& name)
{
    std::string known;
    for (unsigned i = 0; i < shape_count; ++i) {
        const Shape shape = shape_number(i);
        if (to_string(shape) == name) return shape;
        known += (i == 0 ? "" : ", ") + to_string(shape);
    }
    throw std::invalid_argument(fmt::format("there is no mode \"{}\": {}", name, known));
}

bool is_part_of(Fault fault, const Shape& shape)
{
    switch (fault) {
    case Fault::loss:
    case Fault::delay:
    case Fault::reordering:
    case Fault::crash:
    case Fault::freeze:
    case Fault::disk_stall:
        return true;
    case Fault::serial_cut:
        return shape.serial;
    case Fault::guard_death:
        return shape.guard;
    case Fault::witness_slow:
    case Fault::witness_dead:
    case Fault::witness_cut:
    case Fault::witness_wiped:
        return shape.witness;
    case Fault::fence_refusal:
    case Fault::fence_time_out:
        // With a witness a fence is asked for claims only, and then the witness must grant first.
        return shape.fence;
    }
    return false;
}

} // namespace roleswap::sim
