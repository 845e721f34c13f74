#include "witness/gateway.hpp"
#include <charconv>
#include <nlohmann/json.hpp>
#include <sodium.h>
#include <stdexcept>

namespace roleswap::witness {
namespace {

using nlohmann::json;

std::string base64(std::string_view bytes)
{
    std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
    sodium_bin2base64(text.data(), text.size(),
                      reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    text.pop_back(); // its closing NUL
    return text;
}

std::string from_base64(const std::string& text)
{
    std::string bytes(text.size(), '\0');
    std::size_t length = 0;
    if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                          text.size(), nullptr, &length, nullptr,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        throw std::runtime_error("a value is not base64");
    bytes.resize(length);
    return bytes;
}

std::uint64_t number(const json& object, const char* name)
{
    const auto text = object.value(name, std::string("0"));
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end)
        throw std::runtime_error(std::string(name) + " is no number");
    return value;
}

} // namespace

std::string range_body(const std::string& key)
{
    return json{{"key", base64(key)}}.dump();
}

std::optional<Register> parse_range(const json& answer, const Names& names)
{
    if (!answer.contains("header")) throw std::runtime_error("an answer without header");
    const auto found = answer.find("kvs");
    if (found == answer.end() || found->empty()) return {};
    const auto& entry = found->at(0);
    Register value;
    value.text = from_base64(entry.value("value", std::string()));
    value.verdict = decode(value.text, names);
    value.mod_revision = number(entry, "mod_revision");
    return value;
}

std::string put_body(const std::string& key, const std::optional<Register>& read,
                     const std::string& text)
{
    const auto name = base64(key);
    json compare = json::array();
    const auto require = [&](const char* target, const char* field, const std::string& value) {
        compare.push_back({{"key", name}, {"target", target}, {"result", "EQUAL"}, {field, value}});
    };
    if (read) {
        require("MOD", "mod_revision", std::to_string(read->mod_revision));
        require("VALUE", "value", base64(read->text));
    } else {
        require("CREATE", "create_revision", "0");
    }
    const json put{{"requestPut", {{"key", name}, {"value", base64(text)}}}};
    const json range{{"requestRange", {{"key", name}}}};
    return json{
        {"compare", compare}, {"success", json::array({put})}, {"failure", json::array({range})}}
        .dump();
}

PutAnswer parse_put(const json& answer, const Names& names)
{
    if (!answer.contains("header")) throw std::runtime_error("an answer without header");
    // The revision of the store after the transaction is that of the key it changed.
    if (answer.value("succeeded", false)) return {true, number(answer["header"], "revision")};
    const auto& response = answer.at("responses").at(0);
    return {false, 0, parse_range(response.at("response_range"), names)};
}

std::string login_body(const std::string& user, const std::string& password)
{
    return json{{"name", user}, {"password", password}}.dump();
}

std::string watch_body(const std::string& key)
{
    return json{{"create_request", {{"key", base64(key)}}}}.dump();
}

std::string shown(std::string_view text)
{
    constexpr std::size_t length_max = 200;
    std::string result(text.substr(0, length_max));
    for (auto& c : result)
        if (c < 0x20 || c > 0x7e) c = '?';
    if (text.size() > length_max) result += "...";
    return result;
}

Header parse_header(const json& answer)
{
    const auto& header = answer.at("header");
    return {header.value("cluster_id", std::string()), header.value("member_id", std::string())};
}

} // namespace roleswap::witness
