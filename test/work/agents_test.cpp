// Runs of queues that belong to agents: who has them, across takeovers, and what results do.
#include "work/agents.hpp"
#include "world.hpp"
#include <catch2/catch.hpp>
#include <memory>

using namespace roleswap;
using nlohmann::json;

namespace {

/// Of the password "roleswap-agent-test"; the cluster of the tests trusts everybody.
const std::string verifier = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$" + std::string(43, 'A') +
                             "=:" + std::string(43, 'A') + "=";
constexpr const char* spool = "0123456789abcdef";
constexpr const char* row_sql = "SELECT state, attempt, coalesce(agent, '-') FROM roleswap.run "
                                "WHERE id = 1";

/// A session of the agent, which speaks as the program does.
class Session {
public:
    Session(const Database& database, const std::string& agent)
    {
        const auto conninfo = database.conninfo() + " user=" + work::agent_role(agent);
        connection_.reset(PQconnectdb(conninfo.c_str()));
        REQUIRE(PQstatus(connection_.get()) == CONNECTION_OK);
    }
    /// Rows as text, or the SQLSTATE of the failure.
    std::string ask(const std::string& sql)
    {
        const std::unique_ptr<PGresult, decltype(&PQclear)> result(
            PQexec(connection_.get(), sql.c_str()), PQclear);
        if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
            return PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
        std::string text;
        for (int row = 0; row < PQntuples(result.get()); ++row)
            for (int column = 0; column < PQnfields(result.get()); ++column)
                text +=
                    (text.empty() ? "" : " ") + std::string(PQgetvalue(result.get(), row, column));
        return text;
    }
    std::string hello(const std::string& identity = spool,
                      const std::string& process = "process-of-spool")
    {
        const auto answer = ask("SELECT epoch FROM roleswap.agent_hello('" + identity + "', '" +
                                process + "', '0.1.0')");
        ask("SELECT roleswap.agent_wake()");
        return answer;
    }
    std::string take(int epoch, bool known = false)
    {
        return ask("SELECT run, attempt FROM roleswap.agent_take(" + std::to_string(epoch) +
                   (known ? ", true)" : ", false)"));
    }
    std::string finish(int epoch, int attempt, const json& result)
    {
        const json list{{{"run", 1}, {"attempt", attempt}, {"result", result}}};
        const auto answer = ask("SELECT kept FROM roleswap.agent_finish(" + std::to_string(epoch) +
                                ", '" + list.dump() + "')");
        ask("SELECT roleswap.agent_wake()");
        return answer;
    }

private:
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, PQfinish};
};

json well()
{
    work::Report report;
    report.end.started = true;
    report.end.code = 0;
    report.end.output_tail = "done there";
    report.end.started_at = report.end.ended_at = std::chrono::system_clock::now();
    return work::to_json(report);
}

/// A master with an agent and a run that waits for it.
struct Pair {
    Pair(const std::string& name, const std::string& after_crash = "rerun") : agent(name)
    {
        left.start(1, database);
        left.call("agent_add", {{"name", name}, {"verifier", verifier}});
        auto added = with(::task("job", "@yearly", "true"), "queue", name);
        left.call("task_add", with(added, "after_crash", after_crash));
        left.call("task_run", {{"name", "job"}});
    }
    /// The run is at the agent, and has begun there.
    void begin(Session& session)
    {
        session.hello();
        REQUIRE(row("running|1|" + agent) == "running|1|" + agent);
        REQUIRE(session.take(1) == "1 1");
    }
    std::string row(const std::string& wanted) { return database.wait_for(row_sql, wanted); }
    std::string agent;
    Database database;
    Node left{"left"};
};

} // namespace

TEST_CASE("a run waits until its agent is there and is then given to it", "[work]")
{
    Pair pair("given");
    CHECK(pair.left.executor.alive() == 0);
    CHECK(pair.database.ask(row_sql) == "queued|1|-");
    Session session(pair.database, "given");
    pair.begin(session);
    CHECK(session.take(1).empty());
    CHECK(session.take(1, true) == "1 1");
    CHECK(pair.left.noted("agent_connected"));
    CHECK(session.finish(1, 1, well()) == "t");
    CHECK(pair.row("ok|1|given") == "ok|1|given");
    CHECK(pair.database.ask("SELECT output_tail, node FROM roleswap.run") == "done there|given");
    CHECK(pair.database.wait_for("SELECT count(*) FROM roleswap.agent_result", "0") == "0");
}

TEST_CASE("a result that is delivered again counts once", "[work]")
{
    Pair pair("again");
    Session session(pair.database, "again");
    pair.begin(session);
    CHECK(session.finish(1, 1, well()) == "t");
    CHECK(session.finish(1, 1, well()) == "f");
    CHECK(pair.row("ok|1|again") == "ok|1|again");
    auto other = well();
    other["code"] = 5;
    CHECK(session.finish(1, 1, other) == "f");
    CHECK(session.finish(1, 2, other) == "f");
    CHECK(pair.database.ask(row_sql) == "ok|1|again");
}

TEST_CASE("a result beyond what can be counted is of unknown end and keeps no other back", "[work]")
{
    struct Row {
        const char* agent; // a role of the whole cluster: a name of its own each
        const char* field;
        json value;
    };
    const auto row = GENERATE(values<Row>({{"wild-count", "output_bytes", UINT64_MAX},
                                           {"wild-time", "started_us", INT64_MAX},
                                           {"wild-span", "duration_ms", INT64_MIN},
                                           {"wild-code", "code", INT64_MAX}}));
    Pair pair(row.agent, "hold");
    Session session(pair.database, row.agent);
    pair.begin(session);
    auto wild = well();
    wild[row.field] = row.value;
    CHECK(session.finish(1, 1, wild) == "t");
    const auto ended = "interrupted|1|" + pair.agent;
    CHECK(pair.row(ended) == ended);
    CHECK(pair.database.ask("SELECT why LIKE '%cannot be read%allowed: 0 to%' FROM roleswap.run") ==
          "t");
    pair.left.call("task_add", ::task("other", "@yearly", "true"));
    pair.left.call("task_run", {{"name", "other"}});
    CHECK(pair.database.wait_for("SELECT state FROM roleswap.run WHERE task = 'other'", "ok") ==
          "ok");
}

TEST_CASE("a takeover leaves a run with its agent and takes its result", "[work]")
{
    Pair pair("kept");
    auto session = std::make_unique<Session>(pair.database, "kept");
    pair.begin(*session);
    pair.left.kill();
    Node right{"right"};
    right.start(4, pair.database);
    CHECK(pair.database.ask(row_sql) == "running|1|kept");
    CHECK_FALSE(right.noted("runs_freed"));
    CHECK(session->finish(1, 1, well()) == "RS001"); // of the old epoch
    CHECK(session->hello() == "4");
    CHECK(session->finish(4, 1, well()) == "t");
    CHECK(pair.row("ok|1|kept") == "ok|1|kept");
}

TEST_CASE("a result that was delivered to the old master is applied by the new one", "[work]")
{
    Pair pair("between");
    Session session(pair.database, "between");
    pair.begin(session);
    pair.left.kill();
    CHECK(session.finish(1, 1, well()) == "t");
    Node right{"right"};
    right.start(4, pair.database);
    CHECK(pair.row("ok|1|between") == "ok|1|between");
}

TEST_CASE("a run of unknown end follows after_crash", "[work]")
{
    const json unknown{{"unknown", true}, {"why", "its agent was killed"}};
    SECTION("rerun")
    {
        Pair pair("rerun");
        Session session(pair.database, "rerun");
        pair.begin(session);
        CHECK(session.finish(1, 1, unknown) == "t");
        CHECK(pair.row("running|2|rerun") == "running|2|rerun");
        CHECK(session.take(1) == "1 2");
        CHECK(session.finish(1, 1, well()) == "f"); // of the attempt that was given up
        CHECK(session.finish(1, 2, well()) == "t");
        CHECK(pair.row("ok|2|rerun") == "ok|2|rerun");
    }
    SECTION("hold")
    {
        Pair pair("held", "hold");
        Session session(pair.database, "held");
        pair.begin(session);
        CHECK(session.finish(1, 1, unknown) == "t");
        CHECK(pair.row("interrupted|1|held") == "interrupted|1|held");
    }
    SECTION("of an agent that lost its disk")
    {
        Pair pair("lost", "hold");
        {
            Session session(pair.database, "lost");
            pair.begin(session);
            Session second(pair.database, "lost");
            CHECK(second.hello("another-identity") == "RS021"); // while the first is there
            CHECK(second.hello(spool, "a copy of the host") == "RS021");
        }
        Session session(pair.database, "lost");
        until([&] { return session.hello("another-identity") == "1"; });
        CHECK(pair.row("interrupted|1|lost") == "interrupted|1|lost");
    }
    SECTION("that cannot be read")
    {
        Pair pair("garbled", "hold");
        Session session(pair.database, "garbled");
        pair.begin(session);
        CHECK(session.finish(1, 1, {{"code", "five"}}) == "t");
        CHECK(pair.row("interrupted|1|garbled") == "interrupted|1|garbled");
    }
}

TEST_CASE("an agent that is away keeps its run and gets no other", "[work]")
{
    Pair pair("away");
    auto session = std::make_unique<Session>(pair.database, "away");
    pair.begin(*session);
    session.reset();
    until([&] { return pair.left.noted("agent_away"); });
    CHECK(pair.left.call("task_run", {{"name", "job"}}).at("state") == "queued");
    CHECK(pair.left.call("agent_list").at("agents").at(0).at("state") == "away");
    CHECK(pair.database.ask(row_sql) == "running|1|away");
    CHECK(pair.left.call("drain", {{"timeout_ms", 10'000}}).at("drained") == true);
    CHECK(pair.left.engine.pending_requests() == 0);
}

TEST_CASE("a new master misses the agents of the old one until they come", "[work]")
{
    Pair pair("missed");
    auto session = std::make_unique<Session>(pair.database, "missed");
    pair.begin(*session);
    pair.left.kill();
    session.reset();
    Node right{"right"};
    right.start(4, pair.database);
    const auto state = [&] {
        return right.call("agent_list").at("agents").at(0).at("state").get<std::string>();
    };
    until([&] { return state() == "missing"; });
    session = std::make_unique<Session>(pair.database, "missed");
    session->hello();
    until([&] { return state() == "connected"; });
}

TEST_CASE("what a lost master may have done is told by the agent after all", "[work]")
{
    Pair pair("late");
    Session session(pair.database, "late");
    pair.begin(session);
    pair.left.kill();
    Node right{"right"};
    right.start(work::Claimed{.epoch = 4, .doubt = 4}, pair.database);
    CHECK(pair.row("interrupted|1|late") == "interrupted|1|late");
    session.hello();
    CHECK(session.finish(4, 1, well()) == "t");
    CHECK(pair.row("ok|1|late") == "ok|1|late");
    CHECK(right.noted("agent_late"));
}

TEST_CASE("an agent may call its functions and nothing else", "[work]")
{
    Pair pair("narrow");
    Session session(pair.database, "narrow");
    for (const char* sql : {"SELECT * FROM roleswap.run", "SELECT * FROM roleswap.agent",
                            "SELECT roleswap.enqueue('job')", "SELECT roleswap.claim_epoch(9, 'x')",
                            "SELECT * FROM roleswap.this_agent()"})
        CHECK(session.ask(sql) == "42501");
    pair.left.call("agent_add", {{"name", "narrow.2"}, {"verifier", verifier}});
    Session other(pair.database, "narrow.2");
    pair.begin(session);
    other.hello();
    CHECK(other.take(1, true).empty());
    CHECK(other.finish(1, 1, well()) == "f"); // another's run
    CHECK(pair.database.ask(row_sql) == "running|1|narrow");
}

TEST_CASE("an operator's kill reaches the agent", "[work]")
{
    Pair pair("NULL"); // a name like any other
    Session session(pair.database, "NULL");
    pair.begin(session);
    CHECK(pair.left.call("run_kill", {{"id", 1}}).at("killed") == "asked");
    CHECK(session.ask("SELECT run, kill FROM roleswap.agent_take(1, false)") == "1 t");
}

TEST_CASE("an agent with open runs is removed only when it is said what becomes of them", "[work]")
{
    Pair pair("removed");
    Session session(pair.database, "removed");
    pair.begin(session);
    const json name{{"name", "removed"}};
    CHECK(why_not(pair.left.call("agent_remove", name))
              .starts_with("Refused: agent removed has 1 runs, and 0 wait for it"));
    auto rerun = name;
    rerun["runs"] = "rerun";
    CHECK(pair.left.call("agent_remove", rerun).at("held") == json{"removed"});
    CHECK(pair.row("queued|2|-") == "queued|2|-");
    CHECK(pair.database.ask(
              "SELECT held, agent IS NULL FROM roleswap.queue WHERE name = 'removed'") == "t|t");
    CHECK(pair.database.ask(
              "SELECT count(*) FROM pg_roles WHERE rolname = 'roleswap_agent_removed'") == "0");
    pair.left.call("queue_release", {{"name", "removed"}});
    CHECK(pair.row("ok|2|-") == "ok|2|-"); // by the master now
    CHECK(why_not(pair.left.call("agent_remove", name)).starts_with("NotFound"));
}

TEST_CASE("names of agents and queues are checked", "[work]")
{
    Database database;
    Node node{"left", [](work::Settings& settings) { settings.nodes = {"left", "right"}; }};
    node.start(1, database);
    const auto why = [&](json args) {
        args["verifier"] = args.value("verifier", verifier);
        return why_not(node.call("agent_add", args));
    };
    CHECK(why({{"name", "right"}}).starts_with("Refused: right is a node of the pair"));
    CHECK(why({{"name", "a/b"}}).starts_with("BadArgument: the name of an agent is \"a/b\""));
    CHECK(why({{"name", std::string(41, 'a')}}).starts_with("BadArgument"));
    CHECK(why({{"name", "n1"}, {"queues", {"default"}}}).starts_with("BadArgument: queue default"));
    CHECK(why({{"name", "n1"}, {"verifier", "secret"}}).starts_with("BadArgument: verifier"));
    CHECK(why({{"name", "n1"}, {"queues", {"batch"}}}) == ": ");
    CHECK(why({{"name", "n1"}}).starts_with("Refused: there is an agent n1"));
    CHECK(why({{"name", "n2"}, {"queues", {"batch"}}}) ==
          "Refused: queue batch belongs to agent n1");
    node.call("operation_begin", {{"kind", "swap"}, {"owner_pid", 4242}});
    CHECK(why({{"name", "n3"}}).starts_with("Refused: operation 1 (swap by tester"));
}
