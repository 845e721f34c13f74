#pragma once
#include "text.hpp"
#include <string>
#include <vector>

namespace roleswap::cli {

/// A table of text for people: aligned columns, two blanks between them, no lines.  Where it does
/// not fit into the width of the terminal, the last column is cut, then the widest.
class Table {
public:
    enum class Align : std::uint8_t { left, right };
    struct Column {
        std::string title;
        Align align = Align::left;
    };
    struct Cell {
        std::string text;
        Paint paint = Paint::plain;
        Cell(std::string content, Paint colour = Paint::plain)
            : text(printable(content)), paint(colour)
        {
        }
        Cell(const char* content) : text(content) {}
    };

    explicit Table(std::vector<Column> header) : header_(std::move(header)) {}
    /// As many cells as columns.
    void row(std::vector<Cell> cells);
    bool empty() const { return rows_.empty(); }
    /// Header and rows, each ended by a newline.
    std::string text(const Style& style) const;

private:
    std::vector<std::size_t> widths(const Style& style) const;
    std::string line(const Style& style, const std::vector<Cell>& cells,
                     const std::vector<std::size_t>& widths) const;
    std::vector<Column> header_;
    std::vector<std::vector<Cell>> rows_;
};

using Align = Table::Align;

} // namespace roleswap::cli
