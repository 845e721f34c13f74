#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace roleswap::run {

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

private:
    void keep(std::string_view text);
    std::size_t tail_bytes_;
    std::function<void(std::string_view)> on_line_;
    std::string tail_;
    std::string line_;
    std::uint64_t bytes_ = 0;
};

} // namespace roleswap::run
