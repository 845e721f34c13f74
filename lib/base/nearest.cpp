#include "base/nearest.hpp"
#include <algorithm>
#include <cstddef>
#include <fmt/format.h>
#include <numeric>
#include <vector>

namespace roleswap::base {
namespace {

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Letters to insert, remove, replace, or neighbours to swap (optimal string alignment).
std::size_t distance(std::string_view from, std::string_view to)
{
    std::vector<std::size_t> before(to.size() + 1); // row i - 2
    std::vector<std::size_t> above(to.size() + 1);  // row i - 1
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    const auto same = [&](std::size_t i, std::size_t j) { return lower(from[i]) == lower(to[j]); };
    for (std::size_t i = 1; i <= from.size(); ++i) {
        before.swap(above);
        above.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const auto replaced = above[j - 1] + (same(i - 1, j - 1) ? 0 : 1);
            row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1))
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row[to.size()];
}

} // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates)
{
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto candidate : candidates) {
        const auto letters = distance(word.substr(0, 100), candidate);
        if (letters >= best_distance) continue;
        best = candidate;
        best_distance = letters;
    }
    return best;
}

std::string unknown_word(std::string_view kind, std::string_view word,
                         std::span<const std::string_view> known)
{
    const auto meant = nearest(word, known);
    return fmt::format("unknown {} \"{}\"{}", kind, word,
                       meant.empty() ? "" : fmt::format(", did you mean \"{}\"?", meant));
}

} // namespace roleswap::base
