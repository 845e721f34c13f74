#pragma once
#include "event/process.hpp"
#include "store/options.hpp"
#include "store/sequence.hpp"
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace roleswap::store {

class Layout;

enum class ServerKind : std::uint8_t {
    none,
    standby,
    primary,
    isolated, ///< a primary that only we can reach, and that only reads
};

/// How the postgres of a cluster is run; the two kinds of stores differ in nothing else.  Owned by
/// Server, which knows what it is for.  Pinned.
class Postmaster {
public:
    struct End {
        std::string how;      ///< "signal 9"
        bool by_hand = false; ///< somebody else stopped its unit
    };
    struct Events {
        std::function<void(std::string_view)> on_output; ///< what the server logs
        std::function<void(const End&)> on_end;          ///< once after each launch
    };

    virtual ~Postmaster() = default;
    /// The server reads its configuration from the files of Server.  Returns at once; a launch that
    /// comes to nothing is an end.  Throws std::system_error.
    virtual void launch(ServerKind as) = 0;
    /// Launched, and `on_end` not called since.
    virtual bool present() const = 0;
    /// 0 while it is not known.
    virtual pid_t pid() const = 0;
    /// Ignored when there is none.
    virtual void signal(int number) noexcept = 0;
    /// When no process is left, or to end one that we have not started: returns when the next
    /// launch finds nothing in its way.
    virtual Task<> settle(Sequencer& by) = 0;
};

/// Of a managed store: a child of this process, and ended with it.
std::unique_ptr<Postmaster> make_child_postmaster(event::Loop& loop, const Options& options,
                                                  const Layout& layout, Postmaster::Events events);
/// Of an external store: run by its systemd unit.  Installs the drop-in of the unit.
std::unique_ptr<Postmaster> make_unit_postmaster(event::Loop& loop, const Options& options,
                                                 const Layout& layout, Postmaster::Events events);

/// A program of PostgreSQL as the user that the cluster belongs to.
event::Command program_command(const Options& options, const Layout& layout,
                               std::vector<std::string> argv);

} // namespace roleswap::store
