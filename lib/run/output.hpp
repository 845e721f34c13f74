#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace roleswap::run {

/// Some of what a run has put out, as bytes.
struct OutputPiece {
    std::uint64_t from = 0;  ///< place of its first byte; later than asked for what is kept no more
    std::uint64_t bytes = 0; ///< of the whole output until now
    std::string text;
};

/// The part of `tail`, which ends at byte `bytes` of a stream, that begins at `from`; at most
/// `bytes_max`.
OutputPiece cut_piece(std::string_view tail, std::uint64_t bytes, std::uint64_t from,
                      std::size_t bytes_max);

/// Cuts a stream into lines and keeps its last bytes.
class Output {
public:
    static constexpr std::size_t line_bytes_max = 8192;

    Output(std::size_t tail_bytes, std::function<void(std::string_view)> on_line)
        : tail_bytes_(tail_bytes), on_line_(std::move(on_line))
    {
    }

    void feed(std::string_view text);
    /// End of the stream: a last line without a newline counts as one.
    void finish();
    /// At most `tail_bytes`, without a cut UTF-8 sequence at its start.
    std::string take_tail();
    std::uint64_t bytes() const { return bytes_; }
    /// Of what is kept, for who follows the run: nothing is kept for that alone.
    OutputPiece piece(std::uint64_t from, std::size_t bytes_max) const
    {
        return cut_piece(tail_, bytes_, from, bytes_max);
    }

private:
    void keep(std::string_view text);
    std::size_t tail_bytes_;
    std::function<void(std::string_view)> on_line_;
    std::string tail_;
    std::string line_;
    std::uint64_t bytes_ = 0;
};

} // namespace roleswap::run
