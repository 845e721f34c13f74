#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>

/// The memory of one run, as the daemon keeps it: item -> state.  "in doubt" is what an earlier
/// attempt began.
class ScriptedMemory {
public:
    explicit ScriptedMemory(const nlohmann::json& states)
    {
        for (const auto& [item, state] : states.items()) states_[item] = state;
    }

    nlohmann::json call(const std::string& verb, const nlohmann::json& args)
    {
        const bool failed = args.contains("failed") && args.at("failed") == true;
        auto told = nlohmann::json::array();
        if (verb == "memory_begin") {
            mark(args, "done", "done");
            mark(args, "failed", "failed");
        }
        for (const std::string item : args.at("items")) {
            if (verb == "memory_begin")
                begin(item, args.value("in_doubt", "hold"));
            else if (verb == "memory_done")
                states_[item] = failed ? "failed" : "done";
            told.push_back(states_.contains(item) ? states_.at(item) : "never");
        }
        return {{"states", told}};
    }

private:
    void mark(const nlohmann::json& args, const char* list, const char* state)
    {
        for (const std::string item : args.value(list, nlohmann::json::array()))
            states_[item] = state;
    }

    void begin(const std::string& item, const std::string& policy)
    {
        auto& state = states_[item];
        if (state == "in doubt" && policy == "skip") state = "skipped";
        if (state.empty() || state == "failed" || (state == "in doubt" && policy == "redo"))
            state = "begun";
    }

    std::map<std::string, std::string> states_;
};
