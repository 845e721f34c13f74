#include "run/output.hpp"
#include <algorithm>

namespace roleswap::run {

OutputPiece cut_piece(std::string_view tail, std::uint64_t bytes, std::uint64_t from,
                      std::size_t bytes_max)
{
    const auto first = bytes - tail.size();
    OutputPiece piece{std::min(std::max(from, first), bytes), bytes, {}};
    piece.text = tail.substr(static_cast<std::size_t>(piece.from - first), bytes_max);
    return piece;
}

void Output::feed(std::string_view text)
{
    bytes_ += text.size();
    keep(text);
    while (!text.empty()) {
        const auto newline = text.find('\n');
        const auto part = text.substr(0, std::min(newline, line_bytes_max - line_.size()));
        line_.append(part);
        text.remove_prefix(part.size());
        const bool whole = !text.empty() && text.front() == '\n';
        if (whole) text.remove_prefix(1);
        if (!whole && line_.size() < line_bytes_max) return;
        on_line_(line_);
        line_.clear();
    }
}

void Output::finish()
{
    if (!line_.empty()) on_line_(line_);
    line_.clear();
}

/// Twice the tail before it is cut, so that each byte is moved once on average.
void Output::keep(std::string_view text)
{
    if (text.size() > tail_bytes_) text.remove_prefix(text.size() - tail_bytes_);
    tail_.append(text);
    if (tail_.size() > 2 * tail_bytes_) tail_.erase(0, tail_.size() - tail_bytes_);
}

std::string Output::take_tail()
{
    if (tail_.size() > tail_bytes_) {
        tail_.erase(0, tail_.size() - tail_bytes_);
        std::size_t cut = 0;
        while (cut < 3 && cut < tail_.size() &&
               (static_cast<unsigned char>(tail_[cut]) & 0xC0U) == 0x80U)
            ++cut;
        tail_.erase(0, cut);
    }
    return std::move(tail_);
}

} // namespace roleswap::run
