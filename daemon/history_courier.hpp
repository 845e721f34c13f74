#pragma once
#include "answer.hpp"
#include "event/loop.hpp"
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace roleswap::daemon {

/// Brings what only this node's old store held (store::ManagedStore writes it to files below
/// DATA_DIR/history) to the master's table roleswap.server_history, and removes a file when the
/// master has all of it.  A file that was brought in part is brought again: that is harmless.
/// Pinned.
class HistoryCourier {
public:
    struct Ports {
        std::filesystem::path folder;
        std::string node; ///< whose history it is
        std::function<bool()>
            ready; ///< a commit of the master is on both nodes, or has to be on one
        /// The verb history_add, wherever the master is.
        std::function<void(const nlohmann::json& args, Answer)> add;
        std::function<void(std::string_view what, const std::string& why)> announce;
    };
    HistoryCourier(event::Loop& loop, Ports ports);

private:
    void look();
    void open(const std::filesystem::path& file);
    void send_next();
    nlohmann::json next_lines();
    void finish();
    void failed(const bus::Error& error);

    Ports ports_;
    std::filesystem::path path_;
    std::ifstream file_;
    bool busy_ = false;
    std::int64_t added_ = 0;
    std::int64_t twice_ = 0; ///< due times that ran on the master too
    std::string last_trouble_;
    event::Timer timer_;
};

} // namespace roleswap::daemon
