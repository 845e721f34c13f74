// What a change is, field by field, for who wants to see it first.
#include "work/change.hpp"
#include <map>

namespace roleswap::work {
namespace {

using nlohmann::json;
using Flat = std::map<std::string, json>;

/// Tables become fields with a dot: of an environment only the variables that differ are shown.
void flatten(const json& object, const std::string& prefix, Flat& flat)
{
    for (const auto& [key, value] : object.items()) {
        if (value.is_object())
            flatten(value, prefix + key + ".", flat);
        else
            flat.emplace(prefix + key, value);
    }
}

Flat fields_of(const task::Task& task)
{
    Flat flat;
    flatten(task::to_json(task), "", flat);
    return flat;
}

} // namespace

json field_changes(const task::Task& old, const task::Task& changed)
{
    const auto before = fields_of(old), after = fields_of(changed);
    auto changes = json::array();
    const auto value = [](const Flat& fields, const std::string& name) {
        const auto found = fields.find(name);
        return found == fields.end() ? json() : found->second;
    };
    auto names = before;
    names.insert(after.begin(), after.end());
    for (const auto& [name, any] : names)
        if (auto was = value(before, name), is = value(after, name); was != is && name != "name")
            changes.push_back({{"field", name}, {"old", std::move(was)}, {"new", std::move(is)}});
    return changes;
}

} // namespace roleswap::work
