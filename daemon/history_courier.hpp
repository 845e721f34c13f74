#pragma once
#include "answer.hpp"
#include "event/loop.hpp"
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <sys/stat.h>

namespace roleswap::daemon {

/// Brings what only this node's old store held (store::ManagedStore writes it to files below
/// DATA_DIR/history) to the master's table roleswap.server_history, and removes a file when the
/// master has all of it.  A file that was brought in part is brought again: that is harmless.  One
/// with lines that cannot be read is kept beside them under another name when the master has the
/// others, and one that the master does not take holds up no other.  Pinned.
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
    void take_line(const std::string& text, nlohmann::json& lines);
    nlohmann::json next_lines();
    void finish();
    bool is_the_same() const;
    void put_away();
    void tell_found();
    void failed(const bus::Error& error);

    Ports ports_;
    std::filesystem::path path_; ///< the one under way, or the newest that was
    std::ifstream file_;
    struct stat identity_ {}; ///< of what is being read
    bool busy_ = false;
    std::size_t line_ = 0;
    std::string damage_; ///< of the first line that cannot be read
    std::int64_t added_ = 0;
    std::int64_t twice_ = 0; ///< due times that ran on the master too
    std::map<std::filesystem::path, std::string> troubles_; ///< told
    /// The folder was last changed then, and held nothing.
    std::optional<std::filesystem::file_time_type> empty_since_;
    event::Timer timer_;
};

} // namespace roleswap::daemon
