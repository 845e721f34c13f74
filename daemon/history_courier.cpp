#include "history_courier.hpp"
#include <fmt/format.h>
#include <set>
#include <system_error>

namespace roleswap::daemon {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto look_every = 1s;
/// Two changes within one tick of the kernel's clock (10 ms at most) have the same time: a folder
/// that has just changed may change again without a trace.
constexpr auto settled_after = 100ms;
/// Well below the limit of a request between the nodes, whatever escapes JSON needs.
constexpr std::size_t request_bytes = 256 * 1024;
constexpr std::size_t output_bytes = 64 * 1024; ///< kept of the output of one run

/// One run may have more output than a request takes: its end stays.
json shortened(json line)
{
    auto& row = line["row"];
    const auto output = row.find("output_tail");
    if (output == row.end() || !output->is_string()) return line;
    const auto text = output->get<std::string>();
    if (text.size() <= output_bytes) return line;
    auto at = text.size() - output_bytes;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U) ++at;
    *output = text.substr(at);
    return line;
}

/// In the order of their names.
std::set<std::filesystem::path> files_in(const std::filesystem::path& folder)
{
    std::set<std::filesystem::path> files;
    std::error_code missing; // no folder: nothing was ever found
    for (const auto& entry : std::filesystem::directory_iterator(folder, missing))
        if (entry.path().extension() == ".jsonl") files.insert(entry.path());
    return files;
}

/// "FILE.damaged", or "FILE.damaged.2" where that is taken.
std::filesystem::path aside(const std::filesystem::path& file)
{
    auto place = file.string() + ".damaged";
    for (int number = 2; std::filesystem::exists(place); ++number)
        place = fmt::format("{}.damaged.{}", file.string(), number);
    return place;
}

} // namespace

HistoryCourier::HistoryCourier(event::Loop& loop, Ports ports)
    : ports_(std::move(ports)), timer_(loop, [this] { look(); })
{
    timer_.set_slack(100ms);
    timer_.start_every(look_every);
}

/// In turn: what the master does not take at one time holds up no other.
void HistoryCourier::look()
{
    if (busy_ || !ports_.ready()) return;
    std::error_code missing; // no folder: nothing was ever found
    const auto changed = std::filesystem::last_write_time(ports_.folder, missing);
    if (missing || changed == empty_since_) return;
    const bool settled = std::filesystem::file_time_type::clock::now() - changed > settled_after;
    const auto files = files_in(ports_.folder);
    empty_since_ = files.empty() && settled ? std::optional(changed) : std::nullopt;
    if (files.empty()) return;
    const auto next = files.upper_bound(path_);
    open(next == files.end() ? *files.begin() : *next);
}

void HistoryCourier::open(const std::filesystem::path& file)
{
    path_ = file;
    file_ = std::ifstream(path_);
    added_ = twice_ = 0;
    line_ = 0;
    damage_.clear();
    busy_ = true;
    if (!file_ || ::stat(path_.c_str(), &identity_) != 0)
        return failed({bus::ErrorCode::failed, path_.string() + " cannot be read"});
    send_next();
}

void HistoryCourier::take_line(const std::string& text, json& lines)
try {
    ++line_;
    lines.push_back(shortened(json::parse(text)));
} catch (const json::exception& error) {
    if (damage_.empty()) damage_ = fmt::format("line {}: {}", line_, error.what());
}

json HistoryCourier::next_lines()
{
    json lines = json::array();
    std::size_t bytes = 0;
    std::string text;
    while (bytes < request_bytes && std::getline(file_, text)) {
        take_line(text, lines);
        bytes += text.size();
    }
    if (file_.bad()) throw bus::Error(bus::ErrorCode::failed, path_.string() + " cannot be read");
    return lines;
}

void HistoryCourier::send_next()
try {
    auto lines = next_lines();
    while (lines.empty() && file_) lines = next_lines(); // all of them were damaged
    if (lines.empty()) return finish();
    ports_.add({{"holder", ports_.node}, {"lines", lines}},
               {[this](const json& result) {
                    added_ += result.value("added", std::int64_t{0});
                    twice_ = result.value("twice", std::int64_t{0});
                    send_next();
                },
                [this](const bus::Error& error) { failed(error); }});
} catch (const bus::Error& error) {
    failed(error);
}

/// The file was not replaced since it was opened: then the new one is still to be brought.
bool HistoryCourier::is_the_same() const
{
    struct stat now {};
    return ::stat(path_.c_str(), &now) == 0 && now.st_dev == identity_.st_dev &&
           now.st_ino == identity_.st_ino;
}

void HistoryCourier::put_away()
{
    if (!is_the_same()) return;
    if (damage_.empty()) {
        std::filesystem::remove(path_);
        return;
    }
    const auto place = aside(path_);
    std::filesystem::rename(path_, place);
    ports_.announce("history_damaged",
                    fmt::format("{} holds lines that cannot be read, and stays; the master has "
                                "the others: {}",
                                place.string(), damage_));
}

void HistoryCourier::finish()
try {
    file_.close();
    put_away();
    busy_ = false;
    troubles_.erase(path_);
    tell_found();
} catch (const std::filesystem::filesystem_error& error) {
    failed({bus::ErrorCode::failed,
            fmt::format("it has all of it, but the file cannot be put away: {}", error.what())});
}

void HistoryCourier::tell_found()
{
    if (added_ == 0) return;
    const auto twice =
        twice_ == 0 ? ""
                    : fmt::format("; {} due times of them ran on the master too, which could not "
                                  "know that they had run here",
                                  twice_);
    ports_.announce("history_found",
                    fmt::format("{} entries of {} were not known to the master and are in its "
                                "server history{}; look with \"roleswap history list\"",
                                added_, ports_.node, twice));
}

/// Tried again when its turn comes.
void HistoryCourier::failed(const bus::Error& error)
{
    file_.close();
    busy_ = false;
    if (std::exchange(troubles_[path_], error.what()) == error.what()) return;
    ports_.announce("history_waits", fmt::format("{} stays here until the master has it: {}",
                                                 path_.string(), error.what()));
}

} // namespace roleswap::daemon
