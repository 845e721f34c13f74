#include "base/quantity.hpp"
#include "config/parse.hpp"
#include "config/rules.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace roleswap::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t endpoints_max = 9;
/// So much of the takeover delay is there for the question to the witness.
constexpr int timeouts_per_delay = 5;

} // namespace

void Parser::parse_witness(const base::TomlValue& table)
{
    constexpr std::array<std::string_view, 7> keys{
        "endpoints", "ca_file", "cert_file", "key_file", "user", "password_file", "timeout"};
    const Section section{path_, "witness", table, keys};
    auto& witness = config_.witness.emplace();
    const auto& endpoints = section.require("endpoints", "one to nine addresses of one etcd");
    section.read("endpoints", witness.endpoints, rules::endpoint);
    if (witness.endpoints.empty() || witness.endpoints.size() > endpoints_max)
        section.fail(endpoints, fmt::format("{} witness.endpoints", witness.endpoints.size()),
                     "one to nine");
    section.read("ca_file", witness.ca_file, rules::path);
    section.read("cert_file", witness.cert_file, rules::path);
    section.read("key_file", witness.key_file, rules::path);
    section.read("user", witness.user, rules::user);
    section.read("password_file", witness.password_file, rules::path);
    const auto limit = config_.pair.takeover_delay / timeouts_per_delay;
    witness.timeout = limit;
    section.read("timeout", witness.timeout, Section::Durations{20ms, limit});
    check_witness(section);
}

void Parser::check_witness(const Section& section) const
{
    const auto& witness = *config_.witness;
    constexpr std::array<std::array<const char*, 2>, 2> couples{
        {{"cert_file", "key_file"}, {"user", "password_file"}}};
    for (const auto& [one, other] : couples) {
        const auto* first = section.find(one);
        const auto* second = section.find(other);
        if ((first == nullptr) == (second == nullptr)) continue;
        section.fail(first != nullptr ? *first : *second,
                     fmt::format("{} without {}", section.label(first != nullptr ? one : other),
                                 first != nullptr ? other : one),
                     "both or none");
    }
    const bool tls = std::ranges::any_of(witness.endpoints, [](const std::string& endpoint) {
        return endpoint.starts_with("https:");
    });
    for (const char* key : {"ca_file", "cert_file"}) {
        const auto* value = section.find(key);
        if (value != nullptr && !tls)
            section.fail(*value, section.label(key) + " and no https endpoint",
                         "such files for endpoints that begin with https:// only");
    }
}

} // namespace roleswap::config
