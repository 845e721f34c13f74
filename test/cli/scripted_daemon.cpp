// A daemon that answers from a script, for tests of the command line and of the runbooks.
//
//   scripted_daemon SOCKET SCRIPT LOG
//
// SCRIPT is a JSON object: verb -> answer, or verb -> [answers, one per call, the last one stays].
// An answer is the result object, or {"error":CODE,"message":TEXT}, or {"die":true}.  The verbs of
// the memory that have no answer are carried out on "memory", an object item -> state.  Each act
// call and each answered drain, pending and check is appended to LOG as "verb ARGUMENTS".  "ready"
// is printed when it listens.
#include "bus/server.hpp"
#include "scripted_memory.hpp"
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sys/prctl.h>
#include <unistd.h>

using namespace roleswap;
using nlohmann::json;

namespace {

class Scripted {
public:
    Scripted(const std::string& script, const std::string& log) : log_(log, std::ios::app)
    {
        std::ifstream(script) >> answers_;
        memory_.emplace(answers_.value("memory", json::object()));
    }

    void call(const bus::Verb& verb, const json& args, bus::Responder responder)
    {
        const std::string name(verb.name);
        if (verb.access != bus::Access::look || name == "pending" || name == "check")
            log_ << name << ' ' << args.dump() << std::endl;
        if (!answers_.contains(name) && args.contains("items"))
            return responder.done(memory_->call(name, args));
        if (!answers_.contains(name))
            throw bus::Error(bus::ErrorCode::failed, "The script has no answer for " + name + ".");
        const json& answer = next(name);
        if (answer.contains("die")) _exit(0);
        if (answer.contains("error"))
            throw bus::Error(*bus::parse_error_code(answer["error"].get<std::string>()),
                             answer.value("message", "scripted"));
        responder.done(answer);
    }

private:
    const json& next(const std::string& verb)
    {
        const json& answers = answers_[verb];
        if (!answers.is_array()) return answers;
        const std::size_t index = calls_[verb]++;
        return answers[std::min(index, answers.size() - 1)];
    }

    json answers_;
    std::map<std::string, std::size_t> calls_;
    std::optional<ScriptedMemory> memory_;
    std::ofstream log_;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc != 4) return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
        event::Loop loop;
        Scripted scripted(argv[2], argv[3]);
        const bus::Server server(
            loop, {argv[1], "no-such-group", {}},
            [&](const auto& verb, const auto& args, const auto&, bus::Responder responder) {
                scripted.call(verb, args, std::move(responder));
            },
            [] {
                return bus::Properties{"master", 5, "left", "0.1.0"};
            });
        std::cout << "ready" << std::endl;
        return loop.run();
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
