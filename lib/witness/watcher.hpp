#pragma once
#include "witness/call.hpp"
#include <string>

namespace roleswap::witness {

/// Hears at once when the register changes, from one endpoint.  What it says only makes somebody
/// look: nothing is decided on it.  Pinned.
class Watcher {
public:
    Watcher(http::Client& client, std::string key, std::function<void()> on_change);
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    /// Watches there from now on; nothing happens where it does already.
    void watch(const Endpoint& endpoint);
    void stop();

private:
    void on_data(std::string_view data);
    void on_line(std::string_view line);

    http::Client& client_;
    std::string key_;
    std::function<void()> on_change_;
    http::RequestId request_ = 0; ///< 0: watches nowhere
    std::string url_;
    std::string rest_; ///< of a line that is not whole yet
};

} // namespace roleswap::witness
