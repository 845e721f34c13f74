#include "store/divergence.hpp"
#include <charconv>
#include <utility>

namespace roleswap::store {
namespace {

/// The number that begins the text; empty when there is none.
std::optional<std::uint32_t> leading_number(std::string_view text)
{
    while (text.starts_with(' ')) text.remove_prefix(1);
    std::uint32_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc{}) return std::nullopt;
    return number;
}

bool before(std::uint32_t left, std::uint32_t right)
{
    return static_cast<std::int32_t>(left - right) < 0;
}

} // namespace

std::optional<base::Lsn> left_at(std::string_view history, std::uint32_t timeline)
{
    while (!history.empty()) {
        const auto end = std::min(history.find('\n'), history.size());
        const auto line = history.substr(0, end);
        history.remove_prefix(std::min(end + 1, history.size()));
        const auto first = line.find('\t');
        if (first == std::string_view::npos || leading_number(line) != timeline) continue;
        const auto rest = line.substr(first + 1);
        return base::parse_lsn(rest.substr(0, rest.find('\t')));
    }
    return std::nullopt;
}

void CommitReader::feed(std::string_view text)
{
    for (const char letter : text) {
        if (letter != '\n') {
            partial_ += letter;
            continue;
        }
        take(std::exchange(partial_, {}));
    }
}

/// "rmgr: Transaction len (rec/tot): 34/ 34, tx: 739, lsn: 0/01556B58, prev ..., desc: COMMIT ..."
void CommitReader::take(std::string_view line)
{
    const auto tx = line.find(" tx: ");
    if (tx == std::string_view::npos || line.find("desc: COMMIT") == std::string_view::npos) return;
    const auto number = leading_number(line.substr(tx + 5));
    if (!number || *number == 0) return;
    if (commits_ == 0 || before(*number, first_)) first_ = *number;
    ++commits_;
}

} // namespace roleswap::store
