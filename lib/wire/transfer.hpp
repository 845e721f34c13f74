#pragma once
#include "wire/frame.hpp"

namespace roleswap::wire {

/// One bit per fragment, in the form of Ack::have.
class FragmentSet {
public:
    explicit FragmentSet(std::uint16_t count) : count_(count), bits_((count + 7U) / 8U) {}
    std::uint16_t count() const { return count_; }
    bool has(std::uint16_t index) const;
    /// False where it was in already.
    bool add(std::uint16_t index);
    void add_all();
    /// Adds what `have` names; bits beyond the count are ignored.  False where all were in.
    bool merge(View have);
    bool complete() const { return added_ == count_; }
    View bits() const { return bits_; }

private:
    std::uint16_t count_;
    std::uint16_t added_ = 0;
    Bytes bits_;
};

/// How many fragments `size` bytes need: at least one.
std::uint16_t fragment_count(std::size_t size);
/// The bytes of fragment `index`.
View fragment_of(View message, std::uint16_t index);

/// Puts a long message together again.
class Assembly {
public:
    explicit Assembly(std::uint16_t count);
    enum class Verdict : std::uint8_t { added, known, mismatch };
    /// mismatch: its count is not that of the first fragment.
    [[nodiscard]] Verdict add(const Fragment& fragment);
    const FragmentSet& have() const { return have_; }
    bool complete() const { return have_.complete(); }
    Bytes take() { return std::move(bytes_); }

private:
    FragmentSet have_;
    Bytes bytes_;
};

} // namespace roleswap::wire
