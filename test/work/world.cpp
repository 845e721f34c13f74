#include "world.hpp"
#include <catch2/catch.hpp>
#include <cstdlib>
#include <unistd.h>

using namespace roleswap;
using nlohmann::json;

namespace {

constexpr std::chrono::seconds patience{60}; ///< for a machine that is busy with other tests

run::ExecutorSettings executor_settings(const std::string& name)
{
    run::ExecutorSettings settings;
    settings.name = "work-" + std::to_string(::getpid()) + "-" + name;
    if (const char* spawner = std::getenv("ROLESWAP_KEEPER")) settings.spawner = spawner;
    return settings;
}

/// No answer of a server, or the one it gives while it is being shut down (class 57).
bool lost(const PGresult* result)
{
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state == nullptr || std::string_view(state).starts_with("57");
}

work::Settings engine_settings(const std::string& name,
                               const std::function<void(work::Settings&)>& adjust)
{
    work::Settings settings;
    settings.node = name;
    settings.task_store = "dbname=somewhere";
    settings.timezone = "UTC";
    if (adjust) adjust(settings);
    return settings;
}

work::Host make_host(Node& node)
{
    work::Host host;
    host.on_event = [&node](std::string_view what, const std::string& why) {
        node.events.push_back(std::string(what) + ": " + why);
    };
    host.on_ready = [&node] { ++node.ready; };
    host.on_store_trouble = [&node](const std::string& why) { node.trouble.push_back(why); };
    host.on_store_well = [] {};
    host.on_superseded = [&node](const std::string& why) { node.superseded.push_back(why); };
    host.watch_owner = [&node](std::int64_t operation, pid_t pid) {
        node.watched.emplace_back(operation, pid);
    };
    host.owner_lives = [&node](const std::string&, pid_t) { return node.owner_lives; };
    return host;
}

} // namespace

event::Loop& the_loop()
{
    static event::Loop loop;
    return loop;
}

test::Cluster& the_cluster()
{
    static test::Cluster cluster(the_loop());
    return cluster;
}

void until(const std::function<bool()>& done)
{
    // What is looked at may be a query: some turns for each, or the timers have all of them.
    const auto turns_then_look = [&done] {
        for (int i = 0; i < 10 && sd_event_run(the_loop().get(), 0) > 0; ++i) {
        }
        return done();
    };
    REQUIRE(test::wait(the_loop(), turns_then_look, patience));
}

Database::Database()
{
    static int count = 0;
    const auto name = "t" + std::to_string(++count);
    const auto admin = the_cluster().conninfo();
    PGconn* connection = PQconnectdb(admin.c_str());
    const auto sql = "CREATE DATABASE " + name + " ENCODING 'UTF8' TEMPLATE template0";
    PQclear(PQexec(connection, sql.c_str()));
    PQfinish(connection);
    conninfo_ = admin.substr(0, admin.rfind("dbname=")) + "dbname=" + name;
    connection_ = PQconnectdb(conninfo_.c_str());
    REQUIRE(PQstatus(connection_) == CONNECTION_OK);
}

/// What nothing checks at an insert, because each request would pay for it.
Database::~Database()
{
    if (ask("SELECT to_regclass('roleswap.run') IS NOT NULL") == "t")
        CHECK(ask("SELECT id, state, over FROM roleswap.run WHERE over = (state IN ('queued', "
                  "'running'))")
                  .empty());
    PQfinish(connection_);
}

std::string Database::ask(const std::string& sql)
{
    PGresult* result = PQexec(connection_, sql.c_str());
    // The test killed the server meanwhile; the first error may leave the connection "good".
    for (int i = 0; i < 3 && PQresultStatus(result) == PGRES_FATAL_ERROR && lost(result); ++i) {
        PQclear(result);
        PQreset(connection_);
        result = PQexec(connection_, sql.c_str());
    }
    INFO(sql << ": " << PQerrorMessage(connection_));
    REQUIRE(
        (PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK));
    std::string text;
    for (int row = 0; row < PQntuples(result); ++row) {
        for (int column = 0; column < PQnfields(result); ++column)
            text += (column > 0 ? "|"
                     : row > 0  ? "\n"
                                : "") +
                    std::string(PQgetvalue(result, row, column));
    }
    PQclear(result);
    return text;
}

std::string Database::fails_with(const std::string& sql)
{
    PGresult* result = PQexec(connection_, sql.c_str());
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    std::string text = state == nullptr ? "" : state;
    PQclear(result);
    return text;
}

std::string Database::wait_for(const std::string& sql, const std::string& wanted)
{
    std::string answer;
    auto next = event::Loop::now();
    // Not at every turn of the loop: the question would be the load that is tested.
    const auto look = [&] {
        if (event::Loop::now() < next) return false;
        answer = ask(sql);
        next = event::Loop::now() + std::chrono::milliseconds(20);
        return answer == wanted;
    };
    test::wait(the_loop(), look, patience);
    return answer;
}

OpenTransaction::OpenTransaction(const Database& database, const char* begin)
    : connection_(PQconnectdb(database.conninfo().c_str()))
{
    ask(begin);
}

OpenTransaction::~OpenTransaction()
{
    PQfinish(connection_);
}

std::string OpenTransaction::ask(const std::string& sql)
{
    PGresult* result = PQexec(connection_, sql.c_str());
    INFO(sql << ": " << PQerrorMessage(connection_));
    const auto status = PQresultStatus(result);
    REQUIRE((status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK));
    std::string text = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
    PQclear(result);
    return text;
}

Node::Node(std::string name, const std::function<void(work::Settings&)>& adjust)
    : executor(the_loop(), executor_settings(name),
               [this](const run::OutputLine& line) { lines.emplace_back(line.text); }),
      engine(the_loop(), executor, engine_settings(name, adjust), make_host(*this))
{
}

Node::~Node()
{
    bool dead = false;
    engine.kill([&] { dead = true; });
    test::wait(the_loop(), [&] { return dead; });
}

void Node::start(const work::Claimed& claimed, const Database& database)
{
    const int before = ready;
    engine.start(claimed, database.conninfo());
    INFO((trouble.empty() ? "" : trouble.back()));
    until([&] { return ready > before || !superseded.empty(); });
}

json Node::call(const std::string& verb, const json& args)
{
    json answer;
    bool answered = false;
    work::Reply reply{.done =
                          [&](const json& result) {
                              answer = result;
                              answered = true;
                          },
                      .failed =
                          [&](const work::VerbError& error) {
                              answer = {{"error", work::to_string(error.code)}, {"why", error.why}};
                              answered = true;
                          }};
    REQUIRE(engine.handle(verb, args, {.uid = 0, .user = "tester"}, reply));
    until([&] { return answered; });
    return answer;
}

void Node::kill()
{
    bool dead = false;
    engine.kill([&] { dead = true; });
    until([&] { return dead; });
}

bool Node::noted(const std::string& what) const
{
    for (const auto& event : events)
        if (event.starts_with(what + ":")) return true;
    return false;
}

json task(const std::string& name, const std::string& schedule, const std::string& command)
{
    return {{"task", {{"name", name}, {"schedule", schedule}, {"command", command}}}};
}

json queued_noop(const std::string& name, const std::string& queue)
{
    const json object{{"task", {{"name", name}, {"schedule", "@yearly"}, {"kind", "noop"}}}};
    return with(with(object, "overlap", "parallel"), "queue", queue);
}
