// Parts of the agent that need no pair: its configuration and what it keeps on its disk.
#include "../../agent/config.hpp"
#include "../../agent/spool.hpp"
#include "durable/file.hpp"
#include "event/loop.hpp"
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace roleswap;
using nlohmann::json;

namespace {

const std::string whole = "[agent]\nname = \"web1\"\ntoken = \"0123456789012345678901234567\"\n"
                          "addresses = [\"10.0.0.1:7000\", \"10.0.0.2\", \"[fd00::1]:7001\"]\n";

std::string fault(const std::string& text)
{
    try {
        agent::parse(text, "agent.toml");
    } catch (const base::ParseError& error) {
        return error.what();
    }
    return "none";
}

std::string with(std::string text, const std::string& old, const std::string& now)
{
    return text.replace(text.find(old), old.size(), now);
}

/// A folder of the test's own.
struct Folder {
    Folder()
    {
        char name[] = "/tmp/roleswap-agent-test.XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path;
};

/// Until everything that was given to the writer is on the disk.
void finish(event::Loop& loop, durable::Writer& writer)
{
    writer.run([] {}, [&loop] { loop.exit(0); });
    loop.run();
}

} // namespace

TEST_CASE("what agent add prints is read", "[agent]")
{
    const auto config = agent::parse(whole, "agent.toml");
    CHECK(config.name == "web1");
    CHECK(config.addresses == std::vector<agent::Endpoint>{
                                  {"10.0.0.1", "7000"}, {"10.0.0.2", "7432"}, {"fd00::1", "7001"}});
    CHECK(config.state_dir == "/var/lib/roleswap-agent");
    CHECK(config.output_tail == 65536);
}

TEST_CASE("each fault of agent.toml is told with its place and what is allowed", "[agent]")
{
    using Catch::Matchers::Contains;
    CHECK_THAT(fault(""), Contains("no agent") && Contains("roleswap agent add"));
    CHECK_THAT(fault(with(whole, "web1", "web/1")),
               Contains("agent.toml:2:") && Contains("1 to 40"));
    CHECK_THAT(fault(with(whole, "name =", "nmae =")), Contains("nmae") && Contains("name"));
    CHECK_THAT(fault(with(whole, "01234567890", "")), Contains("agent.toml:3:"));
    CHECK_THAT(fault(with(whole, "10.0.0.2", "left.example")), Contains("in numbers"));
    CHECK_THAT(fault(with(whole, ":7000", ":70000")), Contains("10.0.0.1:70000"));
    CHECK_THAT(fault(with(whole, "0.0.2", "0.0.2.3")), Contains("ADDRESS:PORT"));
    CHECK_THAT(fault(whole + "output_tail = \"1MiB\"\n"), Contains("output_tail"));
    CHECK_THAT(fault(whole + "state_dir = \"here\"\n"), Contains("agent.toml:5:"));
    const auto addresses = whole.substr(0, whole.find("addresses"));
    CHECK_THAT(fault(addresses), Contains("no addresses"));
    CHECK_THAT(fault(addresses + "addresses = []\n"), Contains("0 entries") && Contains("1 to 16"));
}

TEST_CASE("the addresses are tried in turn, beginning with the one that is due", "[agent]")
{
    using Catch::Matchers::Contains;
    const auto config = agent::parse(whole, "agent.toml");
    CHECK_THAT(agent::conninfo(config, 0),
               Contains("host=10.0.0.1,10.0.0.2,fd00::1 port=7000,7432,7001 "));
    CHECK_THAT(agent::conninfo(config, 2),
               Contains("host=fd00::1,10.0.0.1,10.0.0.2 port=7001,7000,7432 "));
    CHECK_THAT(agent::conninfo(config, 0),
               Contains("target_session_attrs=read-write") && Contains("channel_binding=require"));
}

TEST_CASE("a file that others may read is refused", "[agent]")
{
    const Folder folder;
    const auto path = folder.path + "/agent.toml";
    durable::replace(path, whole, 0600);
    CHECK(agent::read(path).name == "web1");
    durable::replace(path, whole, 0640);
    CHECK_THROWS_WITH(agent::read(path), Catch::Matchers::Contains("0640") &&
                                             Catch::Matchers::Contains("allowed: 0600"));
    CHECK_THROWS_WITH(agent::read(folder.path + "/none"),
                      Catch::Matchers::Contains("there is no configuration"));
}

TEST_CASE("the spool survives the process, a damaged record counts as begun", "[agent]")
{
    const Folder folder;
    event::Loop loop;
    durable::Writer writer(loop);
    std::string identity;
    {
        agent::Spool spool(writer, folder.path);
        identity = spool.identity();
        const auto well = [](const std::string& trouble) { CHECK(trouble.empty()); };
        spool.put({{7, 1}, "job", 1000, std::nullopt}, well);
        spool.put({{8, 2}, "job", 2000, std::nullopt}, well);
        spool.put({{8, 2}, "job", 2000, json{{"code", 0}}}, well);
        spool.put({{9, 1}, "gone", 3000, json{{"code", 0}}}, well);
        spool.saw(5, well);
        spool.remove({{9, 1}});
        finish(loop, writer);
    }
    std::ofstream(folder.path + "/runs/10-1") << "{\"task\":";
    std::ofstream(folder.path + "/runs/11-1.new") << "half";
    const agent::Spool spool(writer, folder.path);
    CHECK(spool.identity() == identity);
    CHECK(spool.epoch() == 5);
    std::map<agent::Key, std::string> found;
    for (const auto& record : spool.load())
        found[record.key] = record.task + (record.result ? record.result->dump() : "");
    CHECK(found == std::map<agent::Key, std::string>{
                       {{7, 1}, "job"}, {{8, 2}, "job{\"code\":0}"}, {{10, 1}, ""}});
}

TEST_CASE("what the disk does not take is told", "[agent]")
{
    const Folder folder;
    event::Loop loop;
    durable::Writer writer(loop);
    agent::Spool spool(writer, folder.path);
    std::filesystem::remove_all(folder.path + "/runs");
    std::string told;
    spool.put({{7, 1}, "job", 1000, std::nullopt},
              [&](const std::string& trouble) { told = trouble; });
    finish(loop, writer);
    CHECK_THAT(told, Catch::Matchers::Contains("runs/7-1"));
}
