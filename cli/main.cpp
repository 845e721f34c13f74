#include "base/parse_error.hpp"
#include "commands.hpp"
#include "link/pair_key.hpp"
#include "tree.hpp"
#include "words.hpp"
#include <cstdio>
#include <exception>

namespace {

using namespace roleswap;

int say(int code, const char* what)
{
    std::fprintf(stderr, "roleswap: %s\n", what);
    return code;
}

} // namespace

/// Maps what went wrong to the exit codes of roleswap(1).
int main(int argc, char** argv)
{
    try {
        return cli::run(argc, argv);
    } catch (const bus::Error& error) {
        return say(cli::exit_code(error.code()), cli::in_commands(error.what()).c_str());
    } catch (const cli::UsageError& error) {
        return say(cli::exit_usage, error.what());
    } catch (const base::ParseError& error) {
        return say(cli::exit_usage, error.what());
    } catch (const std::exception& error) {
        return say(cli::exit_failed, error.what());
    }
}
