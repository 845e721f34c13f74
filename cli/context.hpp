#pragma once
#include "bus/client.hpp"
#include "core/types.hpp"
#include "text.hpp"
#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace roleswap::config {
struct Config;
}

namespace roleswap::cli {

using std::chrono::milliseconds;
inline constexpr milliseconds short_wait{30'000};
/// For verbs that wait for the peer's store: hand_over, activate, rejoin.
inline constexpr milliseconds long_wait{600'000};
/// For marks in the memory of a run, which wait for a store that is just gone.
inline constexpr milliseconds mark_wait{60'000};

/// Exit codes, documented in roleswap(1).
enum Exit : int {
    exit_ok = 0,
    exit_failed = 1,
    exit_usage = 2,       ///< the command line or a file is wrong
    exit_refused = 3,     ///< not in this state; also: not ready, no master
    exit_unreachable = 4, ///< the daemon or the peer does not answer
    exit_denied = 5,
    exit_not_found = 6,
    exit_in_doubt =
        7, ///< an item was begun by an earlier attempt; whether it was done is not known
};
int exit_code(bus::ErrorCode code);

/// The command line, or a file named in it, is wrong; what() is for the user.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct GlobalOptions {
    std::string config; ///< empty: ROLESWAP_CONFIG, else /etc/roleswap/roleswap.toml
    std::string socket; ///< empty: ROLESWAP_SOCKET, else run_dir/ctl of the configuration
    std::string node;   ///< which node carries the verb out; empty: the daemon knows
    std::string get;    ///< JSON pointer: print only this part of the result
    bool json = false;
};

/// What every command needs: the options, the connection, the way to print.  One per program run.
class Context {
public:
    GlobalOptions options;
    Style style;

    /// Calls a verb of the local daemon, with --node where it was given.  Throws bus::Error.
    nlohmann::json call(std::string_view verb, milliseconds timeout = short_wait);
    nlohmann::json call(std::string_view verb, nlohmann::json args,
                        milliseconds timeout = short_wait);
    bus::Client& client();
    /// The next call connects anew.
    void disconnect() { client_.reset(); }

    /// Prints a result: the part --get names, JSON, or what `render` makes of it.
    void print(const nlohmann::json& result,
               const std::function<std::string(const nlohmann::json&)>& render) const;
    /// True when people read it: neither --json nor --get.
    bool for_people() const { return !options.json && options.get.empty(); }
    /// One live line on standard error, replaced by the next; nothing where that is no terminal.
    void progress(std::string_view line) const;

    std::string config_path() const;
    /// Throws config::Error or std::system_error.
    config::Config load_config() const;

private:
    std::string socket_path() const;
    std::optional<bus::Client> client_;
};

/// Which of the two nodes this server is: ROLESWAP_NODE, else the node that lists the host name.
/// Throws UsageError where that is none.
core::Node self_of(const config::Config& config);
/// Whether the host name alone says so, without ROLESWAP_NODE.
bool known_by_host_name(const config::Config& config, core::Node self);
/// More than any file of tasks or crontab has: a device without an end is no file.
inline constexpr std::size_t text_bytes_max = std::size_t{64} * 1024 * 1024;
/// Text of a file, "-" for standard input.  Throws UsageError, also where it has more bytes.
std::string read_text(const std::string& path, std::size_t bytes_max = text_bytes_max);
/// Reads "90s", "5m".  Throws UsageError naming the option.
milliseconds duration_option(std::string_view option, const std::string& text);

} // namespace roleswap::cli
