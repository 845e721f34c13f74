#include "witness/watcher.hpp"
#include "witness/gateway.hpp"
#include <nlohmann/json.hpp>

namespace roleswap::witness {
namespace {

using nlohmann::json;

constexpr std::size_t line_bytes_max = 64 * 1024;

} // namespace

Watcher::Watcher(http::Client& client, std::string key, std::function<void()> on_change)
    : client_(client), key_(std::move(key)), on_change_(std::move(on_change))
{
}

Watcher::~Watcher()
{
    stop();
}

void Watcher::stop()
{
    client_.cancel(request_);
    request_ = 0;
}

void Watcher::watch(const Endpoint& endpoint)
{
    if (request_ != 0 && url_ == endpoint.url) return;
    stop();
    url_ = endpoint.url;
    rest_.clear();
    http::Request request{url_ + watch_path, watch_body(key_)};
    request.headers = {"Content-Type: application/json"};
    if (!endpoint.token.empty()) request.headers.push_back("Authorization: " + endpoint.token);
    // Whoever looks next begins again.
    request_ = client_.start(
        request, [this](const http::Outcome&) { request_ = 0; },
        [this](std::string_view data) { on_data(data); });
}

void Watcher::on_data(std::string_view data)
{
    rest_ += data;
    for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
        const auto line = rest_.substr(0, end);
        rest_.erase(0, end + 1);
        on_line(line);
    }
    if (rest_.size() > line_bytes_max) stop();
}

/// {"result":{"header":...,"events":[...]}}: the first line tells only that the watch exists.
void Watcher::on_line(std::string_view line)
{
    const auto object = json::parse(line, nullptr, false);
    if (!object.is_object()) return;
    const auto result = object.find("result");
    if (result == object.end() || !result->is_object()) return stop(); // an error: given up there
    if (result->contains("events")) on_change_();
}

} // namespace roleswap::witness
