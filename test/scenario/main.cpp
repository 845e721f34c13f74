#include "pair.hpp"
#include "walk.hpp"
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

/// scenario [--update] SCRIPT...: plays each script, or walk of the explorer, and compares its
/// trace with SCRIPT's .trace.
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path)
{
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string play(const fs::path& script)
{
    if (!fs::exists(script)) throw std::runtime_error("cannot read " + script.string());
    const std::string text = read(script);
    if (roleswap::explore::is_walk(text)) return roleswap::explore::replay_walk(text);
    roleswap::scenario::Pair pair;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (!line.empty() && line[0] != '#') pair.command(line);
    return pair.trace();
}

bool compare(const fs::path& script, bool update)
{
    const std::string now = play(script);
    const fs::path golden = fs::path(script).replace_extension(".trace");
    if (update) {
        std::ofstream(golden) << now;
        return true;
    }
    if (read(golden) == now) {
        fmt::print("ok   {}\n", script.stem().string());
        return true;
    }
    const fs::path shown = fs::path(script.stem()).replace_extension(".trace");
    std::ofstream(shown) << now;
    fmt::print("FAIL {}: compare {} with {}; --update accepts it\n", script.stem().string(),
               golden.string(), fs::absolute(shown).string());
    return false;
}

} // namespace

int main(int argc, char** argv)
try {
    bool update = false;
    bool ok = true;
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) == "--update")
            update = true;
        else
            ok = compare(argv[i], update) && ok;
    }
    return ok ? 0 : 1;
} catch (const std::exception& error) {
    fmt::print(stderr, "scenario: {}\n", error.what());
    return 2;
}
