#include "each.hpp"
#include "memory.hpp"
#include <fmt/format.h>
#include <unordered_set>

namespace roleswap::cli {

Items read_items(const std::string& path, char separator)
{
    const auto all = read_text(path, std::string{}.max_size());
    const auto name = path == "-" ? "standard input" : printable(path);
    Items items;
    std::unordered_set<std::string> known;
    std::size_t place = 0;
    for (std::size_t at = 0; at < all.size();) {
        const auto end = std::min(all.find(separator, at), all.size());
        auto item = all.substr(at, end - at);
        at = end + 1;
        ++place;
        if (item.empty()) continue;
        check_item(item,
                   fmt::format("{} {} of {}", separator == '\0' ? "Item" : "Line", place, name));
        if (known.insert(item).second)
            items.list.push_back(std::move(item));
        else
            ++items.repeated;
    }
    return items;
}

} // namespace roleswap::cli
