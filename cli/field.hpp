#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

/// Reading answers of a daemon that may be of another version: what is missing, null or of another
/// type reads as the fallback, never as an error.
namespace roleswap::cli {

std::string text(const nlohmann::json& object, std::string_view key,
                 std::string_view fallback = "");
std::int64_t number(const nlohmann::json& object, std::string_view key, std::int64_t fallback = 0);
bool flag(const nlohmann::json& object, std::string_view key);
/// The member, or null.
const nlohmann::json& member(const nlohmann::json& object, std::string_view key);
/// The member when it is an array, else an empty one.
const nlohmann::json& list(const nlohmann::json& object, std::string_view key);

/// Ids of runs and operations are numbers; what is none is left as it is, for the daemon to refuse.
nlohmann::json id_value(const std::string& id);

/// Of a value that is no valid UTF-8 the begin as JSON, with what is wrong replaced; else nothing.
/// The bus would replace it without a word.
std::string where_invalid(const nlohmann::json& value);

/// Inside a runbook (ROLESWAP_OPERATION): what its steps stop belongs to its operation, and what an
/// operation stopped is given back by its own steps only.
void name_operation(nlohmann::json& args);

} // namespace roleswap::cli
