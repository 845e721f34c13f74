#include "durable/event_log.hpp"
#include "durable/file.hpp"
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace roleswap::durable {
namespace {

using nlohmann::json;
constexpr std::size_t events_max = 2000;

LoggedEvent from_json(const json& object)
{
    LoggedEvent event{object.at("seq"),  object.at("at"),  object.at("node"),
                      object.at("what"), object.at("why"), object.at("level")};
    if (const auto evidence = object.find("evidence"); evidence != object.end())
        event.evidence = evidence->dump();
    return event;
}

void append_line(const std::string& path, const std::string& line)
{
    const event::UniqueFd fd(event::check(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), "open " + path));
    // A full disk must not stop the node: the event is in memory and in the journal as well.
    if (::write(fd.get(), line.data(), line.size()) < 0 && errno != ENOSPC)
        event::check(-1, "write " + path);
}

json to_object(const LoggedEvent& event)
{
    return {{"seq", event.sequence}, {"at", event.at},   {"node", event.node},
            {"what", event.what},    {"why", event.why}, {"level", event.level}};
}

std::string text_of(const json& object)
{
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// As it stands in the file.
std::string to_line(const LoggedEvent& event)
{
    auto object = to_object(event);
    if (!event.evidence.empty()) object["evidence"] = json::parse(event.evidence);
    return text_of(object) + "\n";
}

} // namespace

std::string to_json(const LoggedEvent& event)
{
    return text_of(to_object(event));
}

EventLog::EventLog(Writer& writer, std::string path) : writer_(writer), path_(std::move(path))
{
    const auto text = read(path_).value_or("");
    std::size_t start = 0;
    while (start < text.size()) {
        const auto end = std::min(text.find('\n', start), text.size());
        const auto object =
            json::parse(text.begin() + static_cast<std::ptrdiff_t>(start),
                        text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
        start = end + 1;
        ++lines_;
        try {
            events_.push_back(from_json(object));
            last_ = std::max(last_, events_.back().sequence);
        } catch (const json::exception&) {
            ++damaged_; // the caller reports the count
        }
        if (events_.size() > events_max) events_.pop_front();
    }
    if (!text.empty() && text.back() != '\n') append("\n"); // a line that a power cut left open
}

const LoggedEvent& EventLog::add(LoggedEvent event)
{
    event.sequence = ++last_;
    events_.push_back(std::move(event));
    if (events_.size() > events_max) events_.pop_front();
    if (++lines_ > 2 * events_max) {
        rewrite();
    } else {
        append(to_line(events_.back()));
    }
    return events_.back();
}

void EventLog::append(const std::string& line)
{
    writer_.run([path = path_, line] { append_line(path, line); }, {});
}

void EventLog::rewrite()
{
    std::string text;
    for (const auto& event : events_) text += to_line(event);
    lines_ = events_.size();
    writer_.run([path = path_, text = std::move(text)] { replace(path, text, 0644); }, {});
}

} // namespace roleswap::durable
