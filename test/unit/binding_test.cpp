// What a task does on one node otherwise than on the other.
#include "task/binding.hpp"
#include "task/error.hpp"
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace roleswap::binding_test {
namespace {

using namespace task;
using Lines = std::vector<std::string>;

Task read_one(const std::string& text)
{
    return parse_tasks("[[task]]\nname = \"panel\"\nschedule = \"@daily\"\n" + text, "t").at(0);
}

std::string fault(const std::string& text)
{
    try {
        (void)read_one("command = \"x\"\n" + text);
    } catch (const FileError& error) {
        return error.what();
    }
    return "no fault";
}

Task make_backup(const std::string& text)
{
    return parse_tasks(
               "[[task]]\nname = \"panel-b\"\nbackup_of = \"panel\"\nbackup_on = \"right\"\n" +
                   text,
               "t")
        .at(0);
}

} // namespace

TEST_CASE("a node's own values are put over the common ones", "[binding]")
{
    const auto task = read_one("command = \"read <$PORT\"\nuser = \"alarm\"\n"
                               "environment = { PORT = \"/dev/ttyS0\", BAUD = \"9600\" }\n"
                               "needs = [\"/dev/ttyS0\"]\n"
                               "[task.node.right]\n"
                               "environment = { PORT = \"/dev/ttyUSB1\" }\n"
                               "needs = [\"/dev/ttyUSB1\", \"/srv\"]\numask = \"0077\"\n");
    const auto left = on_node(task, "left"), right = on_node(task, "right");
    CHECK(left.environment ==
          std::map<std::string, std::string>{{"BAUD", "9600"}, {"PORT", "/dev/ttyS0"}});
    CHECK(right.environment ==
          std::map<std::string, std::string>{{"BAUD", "9600"}, {"PORT", "/dev/ttyUSB1"}});
    CHECK(right.needs == Lines{"/dev/ttyUSB1", "/srv"});
    CHECK(right.umask == 0077U);
    CHECK_FALSE(left.umask);
    CHECK(right.user == "alarm");
    CHECK(right.command == "read <$PORT");
    CHECK(right.node.empty());
    CHECK(left.needs == Lines{"/dev/ttyS0"});
}

TEST_CASE("a command of a node replaces the command and the argv of the task", "[binding]")
{
    const auto shell = read_one("command = \"x\"\nnode.left = { argv = [\"/bin/a\", \"1\"] }\n");
    CHECK(on_node(shell, "left").command.empty());
    CHECK(on_node(shell, "left").argv == Lines{"/bin/a", "1"});
    const auto direct = read_one("argv = [\"/bin/a\"]\nnode.left.command = \"b\"\n");
    CHECK(on_node(direct, "left").argv.empty());
    CHECK(on_node(direct, "left").command == "b");
    CHECK(on_node(direct, "right") == on_node(direct, "nobody"));
}

TEST_CASE("values of nodes survive a file and the bus", "[binding]")
{
    auto task = read_one("command = \"x\"\nneeds = [\"/a b\"]\n"
                         "[task.node.left]\ncommand = \"y\"\nuser = \"u\"\n"
                         "[task.node.\"a.b\"]\numask = \"0022\"\nenvironment = { A = \"1\" }\n");
    CHECK(task.node->size() == 2);
    CHECK(parse_tasks(export_tasks(std::vector{task, make_backup("command = \"z\"")}), "t") ==
          std::vector{task, make_backup("command = \"z\"")});
    CHECK(from_json(to_json(task)) == task);
    const auto backup = make_backup("command = \"z\"");
    CHECK(from_json(to_json(backup)) == backup);
    CHECK(to_json(task).at("node").at("left").at("command") == "y");
}

TEST_CASE("faults in the values of a node are told with their place", "[binding]")
{
    CHECK(fault("node = 5") ==
          "t:5:1: node = 5; allowed: a table for each node, with argv, "
          "command, directory, environment, group, groups, input, needs, shell, "
          "umask, user");
    CHECK(fault("node.left = 5").starts_with("t:5:6: node.left = 5; allowed: a table for each"));
    CHECK(fault("node.left.schedule = \"@hourly\"")
              .starts_with("t:5:11: node.left.schedule, which is one for both nodes; allowed: "));
    CHECK(fault("node.left.comand = \"x\"")
              .starts_with("t:5:11: unknown key \"comand\", did you mean \"command\"?; allowed: "));
    CHECK(fault("node.left.user = 5") ==
          "t:5:11: node.left.user = 5; allowed: the name of a user, at most 32 of A-Z a-z 0-9 . _ "
          "- $, with no - in front");
    CHECK(fault("node.left.user = 5.5").starts_with("t:5:11: node.left.user is of another kind; "));
    CHECK(fault("node.left.environment = { \"A=B\" = \"\" }")
              .starts_with("t:5:11: node.left.environment: variable \"A=B\"; allowed: a name"));
    CHECK(fault("node.left = { command = \"a\", argv = [\"b\"] }") ==
          "t:5:30: node.left has both command and argv; allowed: one of them");
    CHECK(
        fault("needs = [\"tty\"]") ==
        "t:5:10: needs: entry 1 is \"tty\"; allowed: an absolute path without control characters");
    CHECK(fault("backup_of = \"b\"") ==
          "t:1:1: task \"panel\" has one of backup_of and backup_on; allowed: both: the task it "
          "stands in for, and the node on which it does");
    CHECK(fault("backup_of = \"panel\"\nbackup_on = \"left\"") ==
          "t:1:1: task \"panel\" has itself as backup_of; allowed: another task");
}

TEST_CASE("a backup task gives what may be a node's own, its primary all else", "[binding]")
{
    auto primary = read_one("command = \"a\"\ntimeout = \"1m\"\nuser = \"one\"\nretries = 2\n"
                            "environment = { PORT = \"1\" }\nnode.right.user = \"never\"\n");
    const auto backup = make_backup("argv = [\"/bin/b\"]\nenvironment = { PORT = \"2\" }\n"
                                    "node.right.directory = \"/srv\"\n");
    const auto task = stand_in(primary, backup);
    CHECK(task.name == "panel");
    CHECK(task.command.empty());
    CHECK(task.argv == Lines{"/bin/b"});
    CHECK(task.user.empty());
    CHECK(task.directory == "/srv");
    CHECK(task.environment == std::map<std::string, std::string>{{"PORT", "2"}});
    CHECK(task.retries == 2);
    CHECK(task.timeout == std::chrono::minutes(1));
    CHECK(task.schedule == "@daily");
}

TEST_CASE("what a backup task says otherwise than its primary is told", "[binding]")
{
    const auto primary = read_one("command = \"a\"\ntimeout = \"1m\"\nretries = 2\n");
    CHECK(differences(primary, make_backup("command = \"b\"\nuser = \"x\"")).empty());
    CHECK(differences(primary, make_backup("command = \"b\"\ntimeout = \"1m\"\nretries = 2"))
              .empty());
    CHECK(differences(primary, make_backup("command = \"b\"\nschedule = \"@hourly\"\nretries = 3\n"
                                           "timeout = \"2m\"\nqueue = \"q\"")) ==
          Lines{"schedule is \"@hourly\" here and \"@daily\" in \"panel\", which holds",
                "queue is \"q\" here and \"default\" in \"panel\", which holds",
                "timeout is 120000 ms here and 60000 ms in \"panel\", which holds",
                "retries is 3 here and 2 in \"panel\", which holds"});
}

} // namespace roleswap::binding_test
