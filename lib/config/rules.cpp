#include "config/rules.hpp"
#include "config/address.hpp"
#include "config/store_unit.hpp"
#include <algorithm>
#include <string>

namespace roleswap::config::rules {
namespace {

bool is_made_of(std::string_view text, std::string_view more)
{
    return std::ranges::all_of(text, [more](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               more.find(c) != std::string_view::npos;
    });
}

bool is_host_name(std::string_view text)
{
    return !text.empty() && text.size() <= 253 && text.front() != '.' && text.front() != '-' &&
           is_made_of(text, ".-_");
}

bool is_path(std::string_view text)
{
    return text.starts_with('/') && std::ranges::none_of(text, [](char c) {
               return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
           });
}

bool is_account(std::string_view text)
{
    return !text.empty() && text.size() <= 32 && text.front() != '-' && is_made_of(text, "._-$");
}

/// dev_valid_name of the kernel, IFNAMSIZ.
bool is_device(std::string_view text)
{
    return !text.empty() && text.size() <= 15 && text != "." && text != ".." &&
           std::ranges::none_of(text, [](char c) {
               return static_cast<unsigned char>(c) <= 0x20 || c == '/' || c == ':' || c == 0x7f;
           });
}

bool is_host_address(std::string_view text)
{
    const auto address = parse_address(text);
    return address && address->is_host();
}

/// "https://host:port" and nothing after it; an IPv6 address in brackets (RFC 3986).
bool is_endpoint(std::string_view text)
{
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (!text.starts_with(scheme)) continue;
        text.remove_prefix(scheme.size());
        const auto colon = text.rfind(':');
        if (colon == std::string_view::npos) return false;
        const auto port = text.substr(colon + 1);
        auto host = text.substr(0, colon);
        if (port.empty() || port.size() > 5 ||
            !std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; }))
            return false;
        const int number = std::stoi(std::string(port));
        if (number < 1 || number > 65535) return false;
        if (!host.starts_with('[')) return is_host_name(host);
        if (!host.ends_with(']')) return false;
        const auto address = parse_address(host.substr(1, host.size() - 2));
        return address && address->bits == 128;
    }
    return false;
}

bool is_user(std::string_view text)
{
    return !text.empty() && text.size() <= 255 && std::ranges::none_of(text, [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
}

} // namespace

const Section::Rule name{task::is_valid_name, "1 to 64 of the characters A-Z a-z 0-9 . _ -"};
const Section::Rule host{is_host_name, "a host name"};
const Section::Rule path{is_path, "an absolute path"};
const Section::Rule account{is_account, "the name of an account, at most 32 characters"};
const Section::Rule device{is_device, "the name of a network interface, at most 15 characters"};
const Section::Rule address{is_host_address, "the IPv4 or IPv6 address of a host, in numbers"};
const Section::Rule endpoint{is_endpoint, "an address such as \"https://w1.example.org:2379\""};
const Section::Rule user{is_user, "the name of a user, at most 255 bytes"};
const Section::Rule store_unit{
    [](std::string_view text) { return parse_store_unit(text).has_value(); },
    "the unit of a cluster of postgresql-common, 14 or newer, such as "
    "\"postgresql@15-main.service\""};
const Section::Rule network{is_network, "a network such as \"10.0.0.0/16\" or \"fd00::/8\""};

} // namespace roleswap::config::rules
