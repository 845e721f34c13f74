// What a node that joins may fetch from the store.
#include "work/engine_impl.hpp"
#include "work/verifier.hpp"
#include <fmt/format.h>
#include <regex>

namespace roleswap::work {
namespace {

using nlohmann::json;

constexpr const char* offer_sql =
    "UPDATE roleswap.join_offer SET config = $1, version = $2 WHERE config <> $1 OR version <> $2";

} // namespace

bool is_verifier(const std::string& text)
{
    static const std::regex form(
        "SCRAM-SHA-256[$][1-9][0-9]{0,6}:"
        "([A-Za-z0-9+/]{4}){2,15}([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)"
        "[$][A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=");
    return text.size() < 500 && std::regex_match(text, form);
}

/// The configuration may have been edited since the last epoch.
void Engine::Impl::offer_config()
{
    const auto failed = [this](const VerbError& error) {
        if (error.code == VerbError::Code::not_master) return; // the new master offers its own
        host_.on_store_trouble(error.why);
    };
    const Reply nobody{[](const json&) {}, failed};
    session_->write({{offer_sql, {settings_.config_text, settings_.version}}}, nobody,
                    [](std::vector<pg::Result>&) -> json { return nullptr; });
}

void Engine::Impl::join_password(const Call& call)
{
    const Arguments args(call.verb, call.args, {"verifier", "sealed_key"});
    const auto verifier = args.text("verifier", "a SCRAM-SHA-256 verifier");
    const auto sealed = args.text("sealed_key", "the sealed pair key");
    if (!is_verifier(verifier))
        throw Refusal(VerbError::Code::bad_argument, "verifier is no SCRAM-SHA-256 verifier");
    const auto by = clean_text(call.caller.user);
    session_->write(
        {{fmt::format("ALTER ROLE roleswap_join PASSWORD {}", pg::quote_literal(verifier)), {}},
         {"UPDATE roleswap.join_offer SET sealed_key = $1, changed_at = now()", {sealed}}},
        call.reply, [this, by](std::vector<pg::Result>&) -> json {
            note("join_password", fmt::format("{} set the admin password for roleswap join", by));
            return json::object();
        });
}

} // namespace roleswap::work
