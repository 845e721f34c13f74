#pragma once
#include "../store/cluster.hpp"
#include "work/engine.hpp"
#include <libpq-fe.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

/// One loop and one PostgreSQL for all tests of this program; each test has a database of its own.
roleswap::event::Loop& the_loop();
roleswap::test::Cluster& the_cluster();

/// A fresh database, asked by a connection of the test's own.
class Database {
public:
    Database();
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    const std::string& conninfo() const { return conninfo_; }
    /// All rows as text: columns by "|", rows by "\n".  Fails the test on an error.
    std::string ask(const std::string& sql);
    /// The SQLSTATE of what must fail.
    std::string fails_with(const std::string& sql);
    /// Turns the loop until `sql` answers `wanted`; the last answer.
    std::string wait_for(const std::string& sql, const std::string& wanted);

private:
    std::string conninfo_;
    PGconn* connection_ = nullptr;
};

/// A transaction of somebody else, open until it is ended; rolled back by the destructor.
class OpenTransaction {
public:
    explicit OpenTransaction(const Database& database, const char* begin = "BEGIN");
    OpenTransaction(const OpenTransaction&) = delete;
    OpenTransaction& operator=(const OpenTransaction&) = delete;
    ~OpenTransaction();
    /// The first field of the answer.  Fails the test on an error.
    std::string ask(const std::string& sql);

private:
    PGconn* connection_ = nullptr;
};

/// An engine with its executor, as a daemon has them.
class Node {
public:
    explicit Node(std::string name,
                  const std::function<void(roleswap::work::Settings&)>& adjust = {});
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    ~Node(); ///< waits until its processes are dead
    void start(const roleswap::work::Claimed& claimed, const Database& database);
    void start(roleswap::core::Epoch epoch, const Database& database)
    {
        start(roleswap::work::Claimed{.epoch = epoch}, database);
    }
    /// Turns the loop until the verb is answered; {"error": CODE, "why": ...} where it failed.
    nlohmann::json call(const std::string& verb, const nlohmann::json& args = {{"node", "left"}});
    void kill();
    bool noted(const std::string& what) const;

    std::vector<std::string> events; ///< "what: why"
    std::vector<std::string> lines;
    std::vector<std::string> superseded;
    std::vector<std::string> trouble;
    std::vector<std::pair<std::int64_t, pid_t>> watched;
    bool owner_lives = false; ///< of operations
    int ready = 0;
    roleswap::run::Executor executor;
    roleswap::work::Engine engine;
};

/// Turns the loop until `done`; a failed assertion after a minute.
void until(const std::function<bool()>& done);
/// A task object for task_add.
nlohmann::json task(const std::string& name, const std::string& schedule,
                    const std::string& command);
/// The same with one more field of its task.
inline nlohmann::json with(nlohmann::json object, const std::string& field,
                           const nlohmann::json& value)
{
    object["task"][field] = value;
    return object;
}
/// A task of runs of nothing that applications ask for.
nlohmann::json queued_noop(const std::string& name, const std::string& queue = "default");
/// "Refused: one sentence" of a verb that failed; ": " of one that did not.
inline std::string why_not(const nlohmann::json& answer)
{
    return answer.value("error", "") + ": " + answer.value("why", "");
}
