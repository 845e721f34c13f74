#include "witness/look.hpp"
#include "witness/gateway.hpp"
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace roleswap::witness {

using nlohmann::json;

Look::Look(Parties parties, const std::vector<std::unique_ptr<Endpoint>>& endpoints,
           std::function<void()> on_end)
    : parties_(std::move(parties)), on_end_(std::move(on_end)), views_(endpoints.size()),
      lines_(endpoints.size()), left_(endpoints.size())
{
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        endpoints_.push_back(endpoints[i].get());
        views_[i].url = endpoints[i]->url;
        lines_[i].began = event::Loop::now();
        lines_[i].read = std::make_unique<Call>(
            parties_.client, *endpoints_[i], parties_.login,
            Question{range_path, range_body(parties_.key), parties_.limit},
            [this, i](const json* answer, const std::string& why) { on_read(i, answer, why); });
    }
}

void Look::on_read(std::size_t index, const json* answer, const std::string& why)
{
    auto& view = views_[index];
    view.latency = event::Loop::now() - lines_[index].began;
    view.why = why;
    if (answer == nullptr) return end_one();
    try {
        view.found = parse_range(*answer, parties_.names);
        const auto header = parse_header(*answer);
        view.cluster = header.cluster;
        view.member = header.member;
        view.up = true;
    } catch (const json::exception& error) {
        view.why = shown(error.what());
    } catch (const std::runtime_error& error) {
        view.why = shown(error.what());
    }
    if (!view.up) return end_one();
    lines_[index].status = std::make_unique<Call>(
        parties_.client, *endpoints_[index], parties_.login,
        Question{status_path, "{}", parties_.limit},
        [this, index](const json* status, const std::string&) { on_status(index, status); });
}

/// The version is for people alone: an endpoint that does not tell it is up all the same.
void Look::on_status(std::size_t index, const json* answer)
{
    if (answer != nullptr) {
        const auto version = answer->find("version");
        if (version != answer->end() && version->is_string())
            views_[index].version = shown(version->get<std::string>());
    }
    end_one();
}

void Look::end_one()
{
    if (--left_ == 0) on_end_();
}

} // namespace roleswap::witness
