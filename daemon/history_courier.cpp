#include "history_courier.hpp"
#include <fmt/format.h>
#include <system_error>

namespace roleswap::daemon {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto look_every = 1s;
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

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder)
{
    std::vector<std::filesystem::path> files;
    std::error_code missing; // no folder: nothing was ever found
    for (const auto& entry : std::filesystem::directory_iterator(folder, missing))
        if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
    return files;
}

} // namespace

HistoryCourier::HistoryCourier(event::Loop& loop, Ports ports)
    : ports_(std::move(ports)), timer_(loop, [this] { look(); })
{
    timer_.start_every(look_every);
}

void HistoryCourier::look()
{
    if (busy_ || !ports_.ready()) return;
    const auto files = files_in(ports_.folder);
    if (!files.empty()) open(files.front());
}

void HistoryCourier::open(const std::filesystem::path& file)
{
    path_ = file;
    file_ = std::ifstream(path_);
    added_ = twice_ = 0;
    busy_ = true;
    if (!file_) return failed({bus::ErrorCode::failed, path_.string() + " cannot be read"});
    send_next();
}

json HistoryCourier::next_lines()
{
    json lines = json::array();
    std::size_t bytes = 0;
    std::string text;
    while (bytes < request_bytes && std::getline(file_, text)) {
        lines.push_back(shortened(json::parse(text)));
        bytes += text.size();
    }
    if (file_.bad()) throw bus::Error(bus::ErrorCode::failed, path_.string() + " cannot be read");
    return lines;
}

void HistoryCourier::send_next()
try {
    const auto lines = next_lines();
    if (lines.empty()) return finish();
    ports_.add({{"holder", ports_.node}, {"lines", lines}},
               {[this](const json& result) {
                    added_ += result.value("added", std::int64_t{0});
                    twice_ = result.value("twice", std::int64_t{0});
                    send_next();
                },
                [this](const bus::Error& error) { failed(error); }});
} catch (const json::exception& error) {
    failed({bus::ErrorCode::failed, fmt::format("{}: {}", path_.string(), error.what())});
} catch (const bus::Error& error) {
    failed(error);
}

void HistoryCourier::finish()
{
    file_.close();
    std::error_code error;
    std::filesystem::remove(path_, error);
    if (error)
        return failed(
            {bus::ErrorCode::failed,
             fmt::format("it has all of it, but the file cannot be removed: {}", error.message())});
    busy_ = false;
    last_trouble_.clear();
    if (added_ == 0) return;
    ports_.announce(
        "history_found",
        fmt::format("{} entries of {} were not known to the master and are in its server "
                    "history{}; look with \"roleswap history list\"",
                    added_, ports_.node,
                    twice_ == 0 ? ""
                                : fmt::format("; {} due times of them ran on the master too, which "
                                              "could not know that they had run here",
                                              twice_)));
}

/// Tried again at the next look.
void HistoryCourier::failed(const bus::Error& error)
{
    file_.close();
    busy_ = false;
    if (last_trouble_ == error.what()) return;
    last_trouble_ = error.what();
    ports_.announce("history_waits", fmt::format("{} stays here until the master has it: {}",
                                                 path_.string(), error.what()));
}

} // namespace roleswap::daemon
