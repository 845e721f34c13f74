#include "witness/register.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::witness {

using nlohmann::json;

std::string register_key(std::string_view pair)
{
    return fmt::format("roleswap/{}/verdict", pair);
}

std::string encode(const Verdict& verdict, const Names& names)
{
    const json master = names.at(static_cast<std::size_t>(verdict.master));
    return fmt::format(R"({{"epoch":{},"round":{},"master":{}}})", verdict.epoch, verdict.round,
                       master.dump());
}

std::optional<Verdict> decode(std::string_view text, const Names& names)
{
    const auto object = json::parse(text, nullptr, false);
    if (!object.is_object()) return {};
    const auto epoch = object.find("epoch");
    const auto round = object.find("round");
    const auto master = object.find("master");
    const auto end = object.end();
    if (epoch == end || round == end || master == end) return {};
    if (!epoch->is_number_unsigned() || !round->is_number_unsigned() || !master->is_string())
        return {};
    const auto name = std::ranges::find(names, master->get<std::string>());
    if (name == names.end()) return {};
    return Verdict{epoch->get<core::Epoch>(), round->get<std::uint64_t>(),
                   name == names.begin() ? core::Node::first : core::Node::second};
}

Ruling judge_decision(const std::optional<Register>& found, const Verdict& seen,
                      const Verdict& value)
{
    if (!found || !found->verdict) return {Ruling::Step::wiped};
    const auto& held = *found->verdict;
    if (older(seen, held) && held.master != value.master) return {Ruling::Step::refused};
    return {Ruling::Step::put, older(value, held) ? held : value};
}

} // namespace roleswap::witness
