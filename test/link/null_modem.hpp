#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include "wire/bytes.hpp"
#include <array>
#include <functional>
#include <memory>
#include <string>

namespace roleswap::link::test {

/// Two pseudo-terminals and what stands between them: a null-modem cable whose bytes the test sees,
/// changes, drops and paces.  Side 0 is that of the first node.
class NullModem {
public:
    explicit NullModem(event::Loop& loop);

    /// The serial port of a side.
    const std::string& path(unsigned side) const { return sides_.at(side).path; }
    /// What the side sends is lost.
    void cut(unsigned side, bool cut) { sides_.at(side).cut = cut; }
    /// Called with what the side sends; what it leaves is what arrives.
    void set_filter(unsigned side, std::function<void(wire::Bytes&)> filter);
    /// Brings bytes to the side.
    void inject(unsigned side, wire::View bytes);
    /// The port of the side is pulled out of its machine, or put back as another device.
    void unplug(unsigned side);
    void plug(unsigned side);

    std::array<std::size_t, 2> sent{}; ///< bytes of each side

private:
    struct Side {
        event::UniqueFd master;
        std::string path;
        bool cut = false;
        std::function<void(wire::Bytes&)> filter;
        std::unique_ptr<event::Io> io;
    };
    void copy(unsigned from);
    event::Loop& loop_;
    std::array<Side, 2> sides_;
};

} // namespace roleswap::link::test
