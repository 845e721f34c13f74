// Policies under what may happen to a pair, on a real store with real processes: a chosen sample of
// their combinations; all of them are crossed in test/policies.
#include "world.hpp"
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

using namespace roleswap;
using nlohmann::json;

namespace {

using namespace std::chrono_literals;

constexpr int rounds = 14;

struct Folder {
    Folder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "chaos-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

struct Sample {
    const char* name;
    const char* overlap;
    int retries;
    int timeout_ms;
    const char* on_swap;
    const char* after_crash;
};
/// Each value of each policy with each of each other, at least once.
constexpr Sample samples[] = {
    {"a", "skip", 0, 0, "wait", "rerun"},       {"b", "queue", 1, 300, "move", "hold"},
    {"c", "parallel", 0, 300, "move", "rerun"}, {"d", "parallel", 1, 0, "wait", "hold"},
    {"e", "skip", 1, 300, "move", "hold"},      {"f", "queue", 0, 0, "wait", "hold"},
    {"g", "queue", 1, 300, "wait", "rerun"},    {"h", "parallel", 0, 300, "wait", "hold"},
    {"i", "skip", 0, 300, "wait", "hold"},
};

json task_of(const Sample& sample, const Folder& folder)
{
    // It notes its start, tells when another one of its task is alive, and takes up to 0.9 s.
    const auto command = fmt::format(
        "cd {}; echo \"$ROLESWAP_TASK $ROLESWAP_DUE $ROLESWAP_ATTEMPT\" >>notes; exec 9>lock.{}; "
        "flock -n 9 || echo {} >>overlaps; sleep 0.$(($$ % 10)); exit $(($$ % 5 == 0))",
        folder.path.string(), sample.name, sample.name);
    auto object = with(::task(sample.name, "every 1s", command), "overlap", sample.overlap);
    object = with(with(object, "retries", sample.retries), "retry_delay_ms", 400);
    object = with(with(object, "timeout_ms", sample.timeout_ms), "on_swap", sample.on_swap);
    object = with(with(object, "after_crash", sample.after_crash), "catch_up", "all");
    return object;
}

/// A pair of engines on one store; the other one goes on where one ends.
class EnginePair {
public:
    explicit EnginePair(Database& database) : database_(database)
    {
        now().start(epoch_, database_);
    }
    Node& now() { return epoch_ % 2 == 1 ? left_ : right_; }
    void crash()
    {
        now().kill();
        now_next().start(epoch_, database_);
    }
    void swap()
    {
        now().call("drain", {{"timeout_ms", 5000}, {"again_ms", 5000}});
        crash();
    }
    void cut()
    {
        database_.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
                      "pg_backend_pid() AND datname = current_database()");
    }
    void stop()
    {
        now().call("scheduler_stop");
        wait(700ms);
        now().call("scheduler_start");
    }
    void hold()
    {
        now().call("queue_hold", {{"all", true}});
        wait(700ms);
        now().call("queue_release", {{"all", true}});
    }
    void pause()
    {
        now().call("pause_all");
        wait(700ms);
        crash();
        now().call("resume_all");
    }
    static void wait(event::Duration time)
    {
        const auto begun = event::Loop::now();
        until([&] { return event::Loop::now() - begun > time; });
    }

private:
    Node& now_next()
    {
        ++epoch_;
        return now();
    }
    Database& database_;
    Node left_{"left"};
    Node right_{"right"};
    core::Epoch epoch_ = 1;
};

/// "task due" -> attempts noted, in their order.
std::map<std::string, std::vector<int>> read_notes(const Folder& folder)
{
    std::map<std::string, std::vector<int>> notes;
    std::ifstream file(folder.path / "notes");
    std::string name;
    std::string due;
    for (int attempt = 0; file >> name >> due >> attempt;)
        notes[name + " " + due].push_back(attempt);
    return notes;
}

void check_notes(const Folder& folder)
{
    for (const auto& [run, attempts] : read_notes(folder)) {
        INFO(run);
        CHECK(std::ranges::is_sorted(attempts));
        CHECK(std::ranges::adjacent_find(attempts) == attempts.end()); // none twice
    }
    std::ifstream overlaps(folder.path / "overlaps");
    for (std::string name; overlaps >> name;)
        CHECK(std::string("cdh").find(name) != std::string::npos);
}

/// Each due time has its row, and none is in another state than its policies allow.
void check_rows(Database& database)
{
    CHECK(database.ask("SELECT task, due FROM (SELECT task, min(due) AS a, max(due) AS b FROM "
                       "roleswap.run GROUP BY task) AS s, generate_series(a, b, interval '1 s') AS "
                       "due WHERE NOT EXISTS (SELECT FROM roleswap.run AS r WHERE r.task = s.task "
                       "AND r.due = due.due)") == "");
    CHECK(
        database.ask(
            "SELECT r.task, r.due, r.state, r.attempt, r.retries_used, r.why FROM roleswap.run AS "
            "r JOIN roleswap.task AS t ON t.name = r.task WHERE NOT (r.state IN ('ok', 'failed') "
            "OR r.state = 'timeout' AND t.definition ->> 'timeout_ms' <> '0' OR r.state = "
            "'skipped' AND t.definition ->> 'overlap' = 'skip' OR r.state = 'interrupted' AND "
            "t.definition ->> 'after_crash' = 'hold') OR r.retries_used > (t.definition ->> "
            "'retries')::integer OR r.state IN ('failed', 'timeout') AND r.retries_used < "
            "(t.definition ->> 'retries')::integer") == "");
    // What runs once at most does so.
    CHECK(database.ask("SELECT due, attempt FROM roleswap.run WHERE task IN ('f', 'h', 'i') AND "
                       "attempt > 1") == "");
}

/// What ended well has a note of its last attempt.
void check_ends(Database& database, const Folder& folder)
{
    const auto notes = read_notes(folder);
    std::istringstream lines(
        database.ask("SELECT string_agg(format('%s %s %s', task, roleswap.iso(due), attempt), "
                     "E'\\n') FROM roleswap.run WHERE state = 'ok'"));
    std::string name;
    std::string due;
    for (int attempt = 0; lines >> name >> due >> attempt;) {
        INFO(name << " " << due << " " << attempt);
        const auto found = notes.find(name + " " + due);
        REQUIRE(found != notes.end());
        CHECK(found->second.back() == attempt);
    }
    std::printf("%zu due times had a process: %s\n", notes.size(),
                database
                    .ask("SELECT string_agg(format('%s %s', n, state), ', ') FROM (SELECT state, "
                         "count(*) AS n FROM roleswap.run GROUP BY state) AS s")
                    .c_str());
}

} // namespace

TEST_CASE("a sample of the policies holds through crashes, swaps, stops and cuts", "[work][chaos]")
{
    INFO("seed " << Catch::rngSeed());
    const Folder folder;
    Database database;
    EnginePair pair(database);
    for (const auto& sample : samples) {
        const auto answer = pair.now().call("task_add", task_of(sample, folder));
        INFO(answer.dump());
        REQUIRE(answer.contains("next_due"));
    }
    std::mt19937 random(Catch::rngSeed());
    const std::vector<void (EnginePair::*)()> faults{&EnginePair::crash, &EnginePair::swap,
                                                     &EnginePair::cut,   &EnginePair::stop,
                                                     &EnginePair::hold,  &EnginePair::pause};
    for (std::size_t round = 0; round < rounds; ++round) {
        EnginePair::wait(std::chrono::milliseconds(200 + random() % 1200));
        (pair.*faults[round < faults.size() ? round : random() % faults.size()])();
    }
    for (const auto& sample : samples) pair.now().call("task_disable", {{"name", sample.name}});
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE NOT over", "0") == "0");
    check_notes(folder);
    check_rows(database);
    check_ends(database, folder);
}
