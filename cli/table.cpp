#include "table.hpp"
#include "base/ensure.hpp"
#include <algorithm>
#include <numeric>

namespace roleswap::cli {
namespace {

constexpr std::size_t last_least = 12;
constexpr std::size_t column_least = 8;

} // namespace

void Table::row(std::vector<Cell> cells)
{
    base::ensure(cells.size() == header_.size(), "a row has as many cells as the table columns");
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(const Style& style) const
{
    std::vector<std::size_t> widths;
    for (const Column& column : header_) widths.push_back(columns(column.title));
    for (const auto& row : rows_)
        for (std::size_t index = 0; index < row.size(); ++index)
            widths[index] = std::max(widths[index], columns(row[index].text));
    if (style.table_width == 0) return widths;
    std::size_t total = std::accumulate(widths.begin(), widths.end(), 2 * (widths.size() - 1));
    while (total > style.table_width) { // the last gives way first: it holds texts
        const bool last = widths.back() > last_least;
        auto& column = last ? widths.back() : *std::ranges::max_element(widths);
        if (column <= column_least) break;
        --column, --total;
    }
    return widths;
}

std::string Table::line(const Style& style, const std::vector<Cell>& cells,
                        const std::vector<std::size_t>& widths) const
{
    std::string line;
    std::size_t owed = 0; // blanks that are only written when something follows
    for (std::size_t index = 0; index < cells.size(); ++index) {
        const std::string text = shorten(cells[index].text, widths[index]);
        const std::size_t gap = widths[index] - columns(text);
        const bool right = header_[index].align == Align::right;
        owed += right ? gap : 0;
        if (!text.empty()) {
            line += std::string(owed, ' ') + paint(style, cells[index].paint, text);
            owed = 0;
        }
        owed += (right ? 0 : gap) + 2;
    }
    return line + '\n';
}

std::string Table::text(const Style& style) const
{
    const auto width = widths(style);
    std::vector<Cell> titles;
    for (const Column& column : header_) titles.emplace_back(column.title, Paint::faint);
    std::string text = line(style, titles, width);
    for (const auto& row : rows_) text += line(style, row, width);
    return text;
}

} // namespace roleswap::cli
