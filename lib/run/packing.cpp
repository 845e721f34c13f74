#include "run/packing.hpp"
#include <charconv>
#include <stdexcept>

namespace roleswap::run {

void Packer::add(const std::vector<std::string>& list)
{
    add(list.size());
    for (const auto& text : list) add(std::string_view(text));
}

std::string_view Unpacker::next()
{
    const auto end = rest_.find('\0');
    if (end == std::string_view::npos) throw std::runtime_error("the plan of a run is cut off");
    const auto found = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return found;
}

std::uint64_t Unpacker::number()
{
    const auto digits = next();
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ptr != digits.data() + digits.size())
        throw std::runtime_error("the plan of a run has no number where one belongs");
    return value;
}

std::vector<std::string> Unpacker::list()
{
    std::vector<std::string> found;
    for (auto left = number(); left > 0; --left) found.push_back(text());
    return found;
}

} // namespace roleswap::run
