// Many tasks at once that mark items in the memory of one run, each over a connection of its own to
// the daemon, one call after the other:
//
//   callers SOCKET RUN TOKEN CALLERS SECONDS
//
// Each begins an item and then says that it is done.  Prints marks per second.
#include "bus/client.hpp"
#include <atomic>
#include <cstdio>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

using namespace roleswap;
using nlohmann::json;

namespace {

std::atomic<bool> over = false;
std::atomic<std::uint64_t> marks = 0;
std::atomic<bool> failed = false;

void caller(const char* socket, const json& run, unsigned number)
{
    try {
        bus::Client client(socket);
        const auto start = std::chrono::system_clock::now().time_since_epoch().count();
        for (std::uint64_t i = 0; !over; ++i) {
            auto args = run;
            args["items"] = {fmt::format("{}-{}-{}", start, number, i)};
            for (const char* verb : {"memory_begin", "memory_done"}) {
                client.call(verb, args);
                ++marks;
            }
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "caller %u: %s\n", number, error.what());
        failed = true;
    }
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 6) {
        std::fprintf(stderr, "usage: callers SOCKET RUN TOKEN CALLERS SECONDS\n");
        return 2;
    }
    const json run{{"run", std::stoll(argv[2])}, {"token", argv[3]}};
    const auto seconds = std::chrono::seconds(std::stoi(argv[5]));
    std::vector<std::jthread> callers;
    for (int i = 0; i < std::stoi(argv[4]); ++i)
        callers.emplace_back(caller, argv[1], run, static_cast<unsigned>(i));
    std::this_thread::sleep_for(seconds);
    const auto counted = marks.load();
    over = true;
    callers.clear();
    std::printf("%.1f\n", static_cast<double>(counted) / static_cast<double>(seconds.count()));
    return failed ? 1 : 0;
}
