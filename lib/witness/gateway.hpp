#pragma once
#include "witness/register.hpp"
#include <nlohmann/json_fwd.hpp>

/// Bodies of questions to etcd's JSON gateway, and what its answers say: etcd 3.4 API reference,
/// "etcd API" and "gRPC gateway".  Keys and values are base64, 64-bit numbers are texts, and what
/// is zero, false or empty is left out.
namespace roleswap::witness {

inline constexpr const char* range_path = "/v3/kv/range";
inline constexpr const char* txn_path = "/v3/kv/txn";
inline constexpr const char* status_path = "/v3/maintenance/status";
inline constexpr const char* login_path = "/v3/auth/authenticate";
inline constexpr const char* watch_path = "/v3/watch";

/// A linearizable read.
std::string range_body(const std::string& key);
/// The answers below throw std::runtime_error or nlohmann::json::exception for what is none.
std::optional<Register> parse_range(const nlohmann::json& answer, const Names& names);

/// Puts `text` if the register still is what was read, the very same revision of it, else reads
/// it.  The text is compared too, because an etcd that lost its data counts revisions from the
/// beginning again.
std::string put_body(const std::string& key, const std::optional<Register>& read,
                     const std::string& text);
struct PutAnswer {
    bool done = false;
    std::uint64_t mod_revision = 0;  ///< of the register now, where it was done
    std::optional<Register> found{}; ///< where it was not done
};
PutAnswer parse_put(const nlohmann::json& answer, const Names& names);

std::string login_body(const std::string& user, const std::string& password);
std::string watch_body(const std::string& key);

/// What came from outside, for messages: at most 200 characters, those beyond ASCII as "?".
std::string shown(std::string_view text);

/// Who answered.
struct Header {
    std::string cluster;
    std::string member;
};
Header parse_header(const nlohmann::json& answer);

} // namespace roleswap::witness
