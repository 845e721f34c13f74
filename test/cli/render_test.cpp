#include "field.hpp"
#include "render.hpp"
#include "table.hpp"
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace roleswap::cli;
using nlohmann::json;

namespace {

std::string read(const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

json fixture(const std::string& name)
{
    return json::parse(read(std::string(FIXTURES) + "/" + name + ".json"));
}

/// With ROLESWAP_GOLDEN=write the file is made anew, to be looked at in the difference.
void check_golden(const std::string& name, const std::string& text)
{
    const std::string path = std::string(GOLDEN) + "/" + name + ".txt";
    const char* mode = std::getenv("ROLESWAP_GOLDEN");
    if (mode && std::string_view(mode) == "write") std::ofstream(path) << text;
    CHECK(text == read(path));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        CHECK(columns(line) <= 80);
    }
}

/// The status while the second node makes its mirror.
json copying()
{
    json status = fixture("status");
    json& right = status["nodes"][1];
    right["in_sync"] = false;
    right["store"].update(json::parse(
        R"({"state":"down","copy":{"done":0.3749,"bytes":11987000,"bytes_total":31981568,
            "bytes_per_second":12582912,"left_ms":1589}})"));
    status["warnings"].push_back("takeover is held on right: work on the switch");
    return status;
}

json copy_of(const json& copy)
{
    return {{"name", "right"}, {"store", {{"copy", copy}}}};
}

const Style plain;
const Style coloured{true, true, 80};

} // namespace

TEST_CASE("status reads as in its golden file")
{
    check_golden("status", render_status(fixture("status"), plain));
    check_golden("status_bar", render_bar(fixture("status"), plain) + "\n");
    json cut = fixture("status");
    cut["nodes"][1] = {{"name", "right"}, {"reachable", false}};
    cut["nodes"][0]["mode"] = "alone";
    cut["scheduler"] = {{"state", "stopped"}, {"reason", "planned swap"}};
    cut["operation"] = json::parse(
        R"({"id":7,"kind":"swap","begun_by":"root","steps":[{"step":"drain","state":"start"}]})");
    check_golden("status_alone", render_status(cut, plain));
    check_golden("status_copying", render_status(copying(), plain));
}

TEST_CASE("what daemons really answered reads as in its golden files")
{
    for (const std::string name :
         {"trio", "dr_mirrors", "dr_leads", "beside_dr", "refused", "rejoined"})
        check_golden("status_" + name, render_status(fixture(name), plain));
}

TEST_CASE("an external store and runs that wait for a decision are told")
{
    json status = fixture("trio");
    status["nodes"][1]["store"].update({{"kind", "external"}, {"unit", "postgresql@15-main"}});
    status["history"]["undecided"] = 3;
    status["warnings"].push_back("3 runs of the server history wait for a decision: \"roleswap "
                                 "history list\", then accept or dismiss");
    check_golden("status_external", render_status(status, plain));
}

TEST_CASE("held runs and a pause are told wherever the pair is shown")
{
    json status = fixture("trio");
    const auto held = fixture("held");
    status["held"] = held;
    status["paused"] = {
        {"by", "root"}, {"at", "2026-11-22T12:00:00.000Z"}, {"reason", "power work"}};
    check_golden("status_held", render_status(status, plain) + render_bar(status, plain) + "\n");
    check_golden("held", render_held(held, plain));
    CHECK(render_held({{"held", json::array()}}, plain) ==
          "No run is held, or none of these tasks.\n");
    CHECK(held_line({{"runs", 0}}).empty());
}

TEST_CASE("a copy shows how far it is, how fast and what is left")
{
    const json half{{"done", 0.5},
                    {"bytes", 1 << 30},
                    {"bytes_total", std::int64_t{1} << 31},
                    {"bytes_per_second", 32 << 20},
                    {"left_ms", 32000}};
    CHECK(copy_bar(copy_of(half)) ==
          "copying 50 % of 2.0 GiB [##########..........] 32.0 MiB/s, 32.0 s left");
    json begun = half;
    begun.update({{"done", 0.0}, {"bytes_per_second", 0}});
    CHECK(copy_bar(copy_of(begun)) == "copying 0 % of 2.0 GiB");
    json over = half;
    over.update({{"done", 1.7}, {"left_ms", 0}});
    CHECK(copy_bar(copy_of(over)).find("[####################]") != std::string::npos);
    CHECK(copy_bar({{"name", "right"}, {"store", {{"state", "following"}}}}).empty());
}

TEST_CASE("lists read as in their golden files")
{
    check_golden("links", render_links(fixture("status"), plain));
    check_golden("events", render_events(fixture("events"), plain));
    check_golden("tasks", render_tasks(fixture("tasks"), plain));
    check_golden("check", render_check(fixture("check"), plain));
    check_golden("runs", render_runs(fixture("runs"), plain));
    json ranked = fixture("runs");
    ranked["runs"][1]["priority"] = -20;
    check_golden("runs_ranked", render_runs(ranked, plain));
    check_golden("operation", render_operation(fixture("operation"), plain));
}

TEST_CASE("a run is shown in units that people read, and its end once")
{
    const json figures{{"cpu_ms", 81},      {"peak_memory_kib", 12992}, {"read_bytes", 2048},
                       {"retries_used", 1}, {"timeout_ms", 0},          {"why", "exit code 7"}};
    const auto shown = render_run(figures, plain);
    for (const char* line :
         {"cpu             81 ms\n", "peak_memory     12.7 MiB\n", "read_bytes      2.0 KiB\n",
          "retries_used    1\n", "timeout         0 s\n"})
        CHECK(shown.find(line) != std::string::npos);
    const json ended{{"runs", {{{"id", 1}, {"exit_code", 7}, {"why", "exit code 7"}}}}};
    CHECK(render_runs(ended, plain).find("exit 7") == std::string::npos);
}

TEST_CASE("an answer without any field is shown, not refused")
{
    for (const json& nothing : {json::object(), json(nullptr), json::array(), json(5)}) {
        CHECK_FALSE(render_status(nothing, plain).empty());
        CHECK_NOTHROW(render_bar(nothing, plain));
        CHECK_NOTHROW(render_tasks(nothing, plain));
        CHECK_NOTHROW(render_operation(nothing, plain));
        CHECK_NOTHROW(render_task(nothing, plain));
    }
}

TEST_CASE("colour is only added, never changes the text")
{
    std::string text = render_status(fixture("status"), coloured);
    CHECK(text != render_status(fixture("status"), plain));
    for (auto at = text.find('\033'); at != text.npos; at = text.find('\033'))
        text.erase(at, text.find('m', at) - at + 1);
    CHECK(text == render_status(fixture("status"), plain));
}

TEST_CASE("what tasks wrote cannot steer the terminal")
{
    CHECK(printable("a\033[2Jb\tc\nd\x7f") == "a?[2Jb c d?");
    CHECK(printable("a\nb\tc\033", Lines::keep) == "a\nb\tc?");
    CHECK(printable("x\xc2\x9b"
                    "2Jy") == "x?2Jy");
    CHECK(printable("grün") == "grün");
    CHECK(render_status(fixture("status"), plain).find('\033') == std::string::npos);
}

TEST_CASE("texts are cut and wrapped by columns, not bytes")
{
    CHECK(columns("grün") == 4);
    CHECK(shorten("grünes", 4) == "grü…");
    CHECK(shorten("grün", 4) == "grün");
    CHECK(wrap("aa bb cc", 6, 1) == " aa bb\n cc");
}

TEST_CASE("times are read strictly")
{
    CHECK(span_text("2026-11-22T12:59:05.000Z", "2026-11-22T15:04:05.678Z") == "2 h 5 min");
    CHECK(parse_time("2026-11-22T12:59:05Z"));
    for (const char* bad : {"", "now", "2026-11-22", "2026-11-22T12:59:05",
                            "2026-11-22T12:59:05.1Z", "2026-11-22T12:59:05.00xZ"})
        CHECK_FALSE(parse_time(bad));
}

TEST_CASE("the nearest word is offered, a far one is not")
{
    const std::string_view words[] = {"status", "swap", "watch", "events"};
    CHECK(nearest("stauts", words, 4) == "status");
    CHECK(nearest("sawp", words, 4) == "swap");
    CHECK(nearest("ev", words, 4) == "events");
    CHECK(nearest("frobnicate", words, 4).empty());
}

TEST_CASE("the witness reads as in its golden file")
{
    json witness = fixture("witness");
    check_golden("witness", render_witness(witness, plain));
    witness["why"] = "the witness does not answer";
    witness["register"] = nullptr;
    const auto text = render_witness(witness, plain);
    CHECK(text.starts_with("The witness is not well: the witness does not answer.\n"));
}

TEST_CASE("the state of the pair is told with its reason")
{
    const json good = fixture("status");
    CHECK(pair_state(good, "", Sync::required).ok);
    CHECK(pair_state(good, "left", Sync::required).ok);
    CHECK(pair_state(good, "right", Sync::any).why == "left is master, not right");
    json bad = good;
    bad["nodes"][1]["in_sync"] = false;
    CHECK(pair_state(bad, "left", Sync::any).ok);
    CHECK(pair_state(bad, "left", Sync::required).why == "right is not in sync yet");
    CHECK(pair_state(copying(), "left", Sync::required).why ==
          "right is not in sync yet: copying 37 % of 30.5 MiB [#######.............] 12.0 MiB/s, "
          "1.6 s left");
    bad["nodes"][1]["role"] = "master";
    CHECK(pair_state(bad, "left", Sync::any).why == "there are 2 masters instead of one");
    bad["nodes"][1]["reachable"] = false;
    CHECK(pair_state(bad, "left", Sync::required).why == "right does not answer");
}

TEST_CASE("agents are told with what they run, and who is not there")
{
    CHECK(render_agents({{"agents", json::array()}}, plain) ==
          "There is no agent; see roleswap agent add.\n");
    const json here{{"name", "web1"},
                    {"state", "connected"},
                    {"since", nullptr},
                    {"address", "10.0.0.3"},
                    {"version", "0.1.0"},
                    {"running", 2},
                    {"queues", {"web1", "batch"}}};
    auto missing = here;
    missing.update({{"name", "web2"}, {"state", "missing"}, {"running", 0}, {"queues", {"web2"}}});
    const json both{{"agents", {here, missing}}};
    CHECK(render_agents(both, plain) ==
          "AGENT  STATE      SINCE  ADDRESS   VERSION  RUNNING  QUEUES\n"
          "web1   connected  -      10.0.0.3  0.1.0          2  web1 batch\n"
          "web2   missing    -      10.0.0.3  0.1.0          0  web2\n");
    CHECK(agents_text(both) == "1 of 2 connected, web2 is missing");
    CHECK(agents_text({{"agents", json::array()}}).empty());
    CHECK(render_queues({{"queues", {{{"name", "web1"}, {"agent", "web1"}}}}}, plain) ==
          "QUEUE  STATE  RUNNING  WAITING  AGENT  REASON\n"
          "web1   open         0        0  web1\n");
}
