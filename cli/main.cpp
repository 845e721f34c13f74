#include "base/parse_error.hpp"
#include "commands.hpp"
#include "link/pair_key.hpp"
#include "tree.hpp"
#include "words.hpp"
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

namespace {

using namespace roleswap;

/// What the daemon says of a command begins with that command.
int say(int code, std::string_view what)
{
    const char* begin = what.starts_with("roleswap ") ? "" : "roleswap: ";
    std::fprintf(stderr, "%s%s\n", begin, std::string(what).c_str());
    return code;
}

} // namespace

/// Maps what went wrong to the exit codes of roleswap(1).
int main(int argc, char** argv)
{
    try {
        return cli::run(argc, argv);
    } catch (const bus::Error& error) {
        return say(cli::exit_code(error.code()), cli::in_commands(error.what()));
    } catch (const cli::UsageError& error) {
        return say(cli::exit_usage, error.what());
    } catch (const base::ParseError& error) {
        return say(cli::exit_usage, error.what());
    } catch (const std::exception& error) {
        return say(cli::exit_failed, error.what());
    }
}
