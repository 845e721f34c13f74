#include "task/crontab.hpp"
#include "task/policy.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <set>

namespace roleswap::crontab_test {

using namespace task;

namespace {

using Texts = std::vector<std::string>;
constexpr auto of_user = CrontabKind::user;
constexpr auto of_system = CrontabKind::system;

Import imported(const std::string& text, CrontabKind kind = of_system,
                const std::string& path = "/etc/crontab")
{
    return import_crontab(text, path, kind, {.user = kind == of_user ? "alice" : "", .prefix = ""});
}

Texts told(const std::vector<ImportNote>& notes)
{
    Texts list;
    for (const auto& note : notes)
        list.push_back(fmt::format("{}:{}: {}", note.line, note.column, note.message));
    return list;
}

/// The one task of a crontab without faults.
Task one(const std::string& text, CrontabKind kind = of_user)
{
    const auto import_result = imported(text, kind);
    CHECK(told(import_result.errors) == Texts{});
    REQUIRE(import_result.tasks.size() == 1);
    return import_result.tasks.front();
}

std::string read_file(const std::string& name)
{
    std::ifstream file{std::string{UNIT_DATA} + "/cron.d/" + name};
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

TEST_CASE("each bad crontab line is told with its place and what is allowed", "[crontab]")
{
    struct Row {
        CrontabKind kind;
        std::string text;
        Texts errors;
    };
    // clang-format off
    const std::vector<Row> rows{
    {of_system, "* * * * * root\n",
     {"1:15: no command; allowed: a command after the time and the user"}},
    {of_system, "* * * * *\n",
     {"1:10: no user; allowed: the name of an account before the command"}},
    {of_system, "* * * *\n",
     {"1:8: no day-of-week; allowed: minute hour day-of-month month day-of-week, then the command"}},
    {of_system, "5\n",
     {"1:2: no hour; allowed: minute hour day-of-month month day-of-week, then the command"}},
    {of_system, "60 * * * * root true\n",
     {"1:1: minute \"60\"; allowed: 0 to 59"}},
    {of_system, "0 24 * * * root true\n",
     {"1:3: hour \"24\"; allowed: 0 to 23"}},
    {of_system, "0 0 0 * * root true\n",
     {"1:5: day-of-month \"0\"; allowed: 1 to 31"}},
    {of_system, "0 0 32 * * root true\n",
     {"1:5: day-of-month \"32\"; allowed: 1 to 31"}},
    {of_system, "0 0 1 13 * root true\n",
     {"1:7: month \"13\"; allowed: 1 to 12 or jan to dec"}},
    {of_system, "0 0 1 0 * root true\n",
     {"1:7: month \"0\"; allowed: 1 to 12 or jan to dec"}},
    {of_system, "0 0 * * 8 root true\n",
     {"1:9: day-of-week \"8\"; allowed: 0 to 7 (0 and 7 are Sunday) or sun to sat"}},
    {of_system, "0 0 * * moon root true\n",
     {"1:9: day-of-week \"moon\"; allowed: 0 to 7 (0 and 7 are Sunday) or sun to sat"}},
    {of_system, "0 0 * januar * root true\n",
     {"1:7: month \"januar\"; allowed: 1 to 12 or jan to dec"}},
    {of_system, "0 0 * * fri-sun root true\n",
     {"1:9: day-of-week range \"fri-sun\" goes backward; allowed: a range that goes up within 0 to 7 (0 and 7 are Sunday) or sun to sat"}},
    {of_system, "30-10 * * * * root true\n",
     {"1:1: minute range \"30-10\" goes backward; allowed: a range that goes up within 0 to 59"}},
    {of_system, "*/0 * * * * root true\n",
     {"1:3: step \"0\" of the minute; allowed: a whole number from 1"}},
    {of_system, "*/x * * * * root true\n",
     {"1:3: step \"x\" of the minute; allowed: a whole number from 1"}},
    {of_system, "*/ * * * * root true\n",
     {"1:3: step \"\" of the minute; allowed: a whole number from 1"}},
    {of_system, "5/10 * * * * root true\n",
     {"1:1: minute \"5/10\" has a step after a single value; allowed: a step after * or a range, such as 5-59/10"}},
    {of_system, "*5 * * * * root true\n",
     {"1:1: minute \"*5\"; allowed: * alone or with a step such as */5"}},
    {of_system, "1, * * * * root true\n",
     {"1:3: an empty value in the minute; allowed: 0 to 59"}},
    {of_system, "1,,2 * * * * root true\n",
     {"1:3: an empty value in the minute; allowed: 0 to 59"}},
    {of_system, "1- * * * * root true\n",
     {"1:3: an empty value in the minute; allowed: 0 to 59"}},
    {of_system, "1-5-9 * * * * root true\n",
     {"1:3: minute \"5-9\"; allowed: 0 to 59"}},
    {of_system, "1.5 * * * * root true\n",
     {"1:1: minute \"1.5\"; allowed: 0 to 59"}},
    {of_system, "5;10 * * * * root true\n",
     {"1:1: minute \"5;10\"; allowed: 0 to 59"}},
    {of_system, "99999999999 * * * * root true\n",
     {"1:1: minute \"99999999999\"; allowed: 0 to 59"}},
    {of_system, "0 9-17/ * * * root true\n",
     {"1:8: step \"\" of the hour; allowed: a whole number from 1"}},
    {of_system, "40~20 * * * * root true\n",
     {"1:1: minute range \"40~20\" goes backward; allowed: a range that goes up within 0 to 59"}},
    {of_system, "0~90 * * * * root true\n",
     {"1:3: minute \"90\"; allowed: 0 to 59"}},
    {of_system, "0~30/2 * * * * root true\n",
     {"1:3: minute \"30/2\"; allowed: 0 to 59"}},
    {of_system, "@dayly root true\n",
     {"1:1: unknown schedule \"@dayly\", did you mean \"@daily\"?; allowed: @yearly @annually @monthly @weekly @daily @midnight @hourly @reboot"}},
    {of_system, "@Daily root true\n",
     {"1:1: unknown schedule \"@Daily\", did you mean \"@daily\"?; allowed: @yearly @annually @monthly @weekly @daily @midnight @hourly @reboot"}},
    {of_system, "@every 5m root true\n",
     {"1:1: unknown schedule \"@every\"; allowed: @yearly @annually @monthly @weekly @daily @midnight @hourly @reboot"}},
    {of_system, "@ root true\n",
     {"1:1: unknown schedule \"@\"; allowed: @yearly @annually @monthly @weekly @daily @midnight @hourly @reboot"}},
    {of_system, "@daily\n",
     {"1:7: no user; allowed: the name of an account before the command"}},
    {of_system, "@daily root\n",
     {"1:12: no command; allowed: a command after the time and the user"}},
    {of_system, "0 5 * * * /usr/bin/backup --all\n",
     {"1:11: user \"/usr/bin/backup\"; allowed: the name of an account before the command, as in /etc/crontab"}},
    {of_system, "0 5 * * * ro:ot true\n",
     {"1:11: user \"ro:ot\"; allowed: the name of an account before the command, as in /etc/crontab"}},
    {of_system, "every 10s root true\n",
     {"1:1: minute \"every\"; allowed: 0 to 59"}},
    {of_user, "* * * * * * true\n",
     {"1:11: command \"* true\"; allowed: five fields before the command"}},
    {of_user, "0 5 * * *\n",
     {"1:10: no command; allowed: a command after the time and the user"}},
    {of_user, "0 5 * * * %only input\n",
     {"1:11: no command; allowed: a command after the time and the user"}},
    {of_user, "-0 5 * * * true\n",
     {"1:1: a leading \"-\" in the crontab of an ordinary user; allowed: it in system crontabs and in that of root only"}},
    {of_system, "MAILTO=\n",
     {"1:1: variable MAILTO=; allowed: NAME=value, NAME=\"value\", and NAME=\"\" for an empty one"}},
    {of_system, "PATH = \"/bin\n",
     {"1:1: variable PATH = \"/bin; allowed: NAME=value, NAME=\"value\", and NAME=\"\" for an empty one"}},
    {of_system, "SHELL=bash\n0 5 * * * root true\n",
     {"1:1: SHELL = \"bash\"; allowed: an absolute path without control characters",
      "2:1: no usable SHELL, see line 1; allowed: entries after a valid SHELL"}},
    {of_system, "CRON_TZ=Europe/Berln\n0 5 * * * root true\nCRON_TZ=UTC\n0 6 * * * root true\n",
     {"1:1: CRON_TZ = \"Europe/Berln\"; allowed: an IANA name such as \"Europe/Berlin\", or \"UTC\"",
      "2:1: no usable CRON_TZ, see line 1; allowed: entries after a valid CRON_TZ"}},
    {of_system, "HOME=www\n",
     {"1:1: HOME = \"www\"; allowed: an absolute path without control characters"}},
    {of_system, "\"A=B\"=c\n",
     {"1:1: minute \"\"A=B\"=c\"; allowed: 0 to 59"}},
    {of_system, "A=\"b\" c\n",
     {"1:1: variable A=\"b\" c; allowed: NAME=value, NAME=\"value\", and NAME=\"\" for an empty one"}},
    {of_system, "0 5 * * * root true",
     {"1:20: no newline ends the last line; allowed: lines that end with a newline; cron drops this one"}},
    {of_system, "0 5 * * * root true\r\n",
     {"1:20: a carriage return ends the line; allowed: lines that end with a newline alone"}},
    {of_system, "# h\xe4ufig\n0 5 * * * root tr\xfc" "e\n",
     {"2:18: byte 0xFC; allowed: text in UTF-8 without NUL bytes"}},
    {of_system, "\n# comment\n  0 5 * * root true\n",
     {"3:11: day-of-week \"root\"; allowed: 0 to 7 (0 and 7 are Sunday) or sun to sat"}},
    {of_system, "0 0 30 2 * root true\n",
     {"1:1: schedule \"0 0 30 2 *\", which is never due; allowed: days that exist"}},
    {of_system, "root true\n",
     {"1:1: minute \"root\"; allowed: 0 to 59"}},
    {of_system, "<html>\n",
     {"1:1: minute \"<html>\"; allowed: 0 to 59"}},
    };
    // clang-format on
    for (const auto& [kind, text, errors] : rows) {
        INFO(text);
        CHECK(told(imported(text, kind).errors) == errors);
    }
}

TEST_CASE("a faulty line does not keep the others from being imported", "[crontab]")
{
    const auto read = imported("1 * * * * root one\n61 * * * * root two\n3 * * * * root three\n");
    REQUIRE(read.tasks.size() == 2);
    CHECK(read.tasks[0].name == "crontab-1");
    CHECK(read.tasks[1].name == "crontab-3"); // as it was before line 2 was broken
    CHECK(read.errors.size() == 1);
}

TEST_CASE("variables hold from their line on", "[crontab]")
{
    const auto read = imported("0 1 * * * root first\n"
                               "PATH = /bin:/usr/bin  \n"
                               "  'A B'\t=\t\" quoted 'x' \"  \n"
                               "MAILTO=\"\"\n"
                               "SHELL=/bin/bash\n"
                               "HOME=/srv\n"
                               "CRON_TZ=Europe/Berlin\n"
                               "0 2 * * * www-data second\n"
                               "MAILTO=ops@example.org,root\n"
                               "CRON_TZ=UTC\n"
                               "0 3 * * * www-data third\n");
    CHECK(told(read.errors) == Texts{});
    CHECK(
        told(read.lost) ==
        Texts{"9:1: MAILTO = \"ops@example.org,root\": kept with its tasks, but this version sends "
              "no mail; see `roleswap run show` and the journal"});
    REQUIRE(read.tasks.size() == 3);
    const auto& [first, second, third] = std::tie(read.tasks[0], read.tasks[1], read.tasks[2]);
    CHECK(first.environment.empty());
    CHECK(first.mail_to == "root"); // cron mails the owner
    CHECK(first.shell == "/bin/sh");
    CHECK(first.timezone.empty());
    CHECK(second.environment == std::map<std::string, std::string>{{"PATH", "/bin:/usr/bin"},
                                                                   {"A B", " quoted 'x' "},
                                                                   {"HOME", "/srv"}});
    CHECK(second.mail_to.empty());
    CHECK(second.shell == "/bin/bash");
    CHECK(second.directory == "/srv");
    CHECK(second.timezone == "Europe/Berlin");
    CHECK(second.user == "www-data");
    CHECK(third.mail_to == "ops@example.org,root");
    CHECK(third.timezone == "UTC");
}

TEST_CASE("a percent sign parts the command from its input", "[crontab]")
{
    struct Row {
        const char* text;
        const char* command;
        const char* input;
    };
    const auto row = GENERATE(
        Row{"mail joe%Joe,%%Where are you?%", "mail joe", "Joe,\n\nWhere are you?\n"},
        Row{"cat%one", "cat", "one\n"}, Row{"cat%", "cat", ""}, Row{"date +\\%d", "date +%d", ""},
        Row{"date +\\%d%a\\%b%c", "date +%d", "a%b\nc\n"}, Row{"echo a\\b", "echo a\\b", ""},
        Row{"echo a\\\\%b", "echo a\\\\", "b\n"}, Row{"echo # no comment", "echo # no comment", ""},
        Row{"echo end  ", "echo end  ", ""});
    INFO(row.text);
    const auto task = one(fmt::format("0 5 * * * {}\n", row.text));
    CHECK(task.command == row.command);
    CHECK(task.input == row.input);
}

TEST_CASE("fields, words and users are taken as cron takes them", "[crontab]")
{
    const auto task = one("  \t5-55/10\t0,12  1-7 JAN-mar */2 \t  run it\n");
    CHECK(task.schedule == "5-55/10 0,12 1-7 JAN-mar */2");
    CHECK(task.command == "run it");
    CHECK(task.user == "alice");
    CHECK(task.mail_to == "alice");
    CHECK(task.name == "crontab-alice-1");
    CHECK(task.overlap == Overlap::parallel);
    CHECK(one("@daily root /bin/x y\n", of_system).command == "/bin/x y");
    CHECK(one("@daily root /bin/x y\n", of_system).user == "root");
    CHECK(one("@daily root /bin/x y\n", of_user).command == "root /bin/x y");
    CHECK(one("0 5 * * * root FOO=1 cmd\n", of_system).command == "FOO=1 cmd");
    CHECK(one("0 5 * * * root *x\n", of_system).command == "*x");
    CHECK(one("#0 4 * * * no\n \t \n\t# no\n0 5 * * * yes\n").command == "yes");
    CHECK(imported("").tasks.empty());
    CHECK(told(imported("# a comment without newline").errors) == Texts{});
}

TEST_CASE("names of tasks come from the file", "[crontab]")
{
    const auto name = [](CrontabKind kind, const char* path, const ImportOptions& options) {
        return import_crontab("@daily root x\n", path, kind, options).tasks.at(0).name;
    };
    CHECK(name(of_system, "/etc/crontab", {}) == "crontab-1");
    CHECK(name(of_system, "/etc/cron.d/sysstat", {}) == "cron.d-sysstat-1");
    CHECK(name(of_system, "cron.d/sysstat", {}) == "cron.d-sysstat-1");
    CHECK(name(of_system, "/srv/my jobs!", {}) == "my-jobs--1");
    CHECK(name(of_user, "/var/spool/cron/crontabs/bob", {.user = "bob", .prefix = ""}) ==
          "crontab-bob-1");
    CHECK(name(of_user, "x", {.user = "bob", .prefix = "old host"}) == "old-host-1");
    const auto long_name = name(of_system, ("/etc/cron.d/" + std::string(200, 'x')).c_str(), {});
    CHECK(is_valid_name(long_name));
}

TEST_CASE("what cannot be kept is listed line by line", "[crontab]")
{
    const auto read = imported("RANDOM_DELAY=30\n"
                               "LOGNAME=joe\n"
                               "MAILFROM=cron@example.org\n"
                               "CONTENT_TYPE=\"text/html\"\n"
                               "-0 5 * * * root quiet\n"
                               "@reboot root up\n"
                               "RANDOM_DELAY=0\n",
                               of_system, "/etc/cron.d/old.dpkg-dist");
    CHECK(told(read.errors) == Texts{});
    CHECK(told(read.lost) ==
          Texts{"1:1: file name \"old.dpkg-dist\": cron reads no file in cron.d whose name has "
                "other characters than A-Z a-z 0-9 _ -; imported all the same",
                "1:1: RANDOM_DELAY = \"30\": not kept: tasks start at their due time",
                "2:1: LOGNAME = \"joe\": set to the user of the task, as cron does",
                "3:1: MAILFROM = \"cron@example.org\": not kept: mail has the sender of the pair",
                "4:1: CONTENT_TYPE = \"text/html\": not kept: mail is text in UTF-8",
                "5:1: leading \"-\": not kept, every run is recorded",
                "6:1: @reboot: runs once per boot of the pair, not of each node"});
    REQUIRE(read.tasks.size() == 2);
    CHECK(read.tasks[0].schedule == "0 5 * * *");
    CHECK(read.tasks[0].environment.empty());
}

TEST_CASE("random minutes become fixed ones within their range", "[crontab]")
{
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) {
        const auto path = fmt::format("/etc/cron.d/job{}", i);
        const auto text = "10~12,50 ~ 1~3 * * root x\n";
        const auto read = imported(text, of_system, path);
        REQUIRE(read.tasks.size() == 1);
        CHECK(read.lost.size() == 3);
        CHECK(imported(text, of_system, path).tasks == read.tasks); // the same on both nodes
        const auto cron = parse_cron(read.tasks[0].schedule);
        CHECK((cron.minutes & ~(std::uint64_t{7} << 10 | std::uint64_t{1} << 50)) == 0);
        CHECK(std::popcount(cron.minutes) == 2);
        CHECK(std::popcount(cron.hours) == 1);
        CHECK((cron.days & ~0b1110U) == 0);
        CHECK_FALSE(cron.wild);
        seen.insert(read.tasks[0].schedule.substr(0, 2));
    }
    CHECK(seen == std::set<std::string>{"10", "11", "12"});
    CHECK(told(imported("0~59 * * * * root x\n").lost)
              .front()
              .starts_with("1:1: minute \"0~59\": cron draws a value at each start; kept as "));
}

TEST_CASE("the crontabs of Debian's packages are imported whole", "[crontab]")
{
    struct Row {
        const char* file;
        CrontabKind kind;
        std::size_t tasks;
        std::size_t lost;
    };
    const auto row = GENERATE(
        Row{"amavisd-new.amavisd-new", of_system, 2, 0}, Row{"anacron.anacron", of_system, 1, 0},
        Row{"atop.atop", of_system, 1, 0}, Row{"awstats.awstats", of_system, 2, 1},
        Row{"backupninja.backupninja", of_system, 1, 0}, Row{"cacti.cacti", of_system, 1, 1},
        Row{"certbot.certbot", of_system, 1, 0}, Row{"cron-apt.cron-apt", of_system, 1, 0},
        Row{"cron-daemon-common.crontab", of_system, 4, 0},
        Row{"e2fsprogs.e2scrub_all", of_system, 2, 0}, Row{"inn2.inn2", of_system, 3, 0},
        Row{"logcheck.logcheck", of_system, 2, 2}, Row{"mailman3.mailman3", of_system, 2, 0},
        Row{"mailman3-web.mailman3-web", of_system, 7, 0}, Row{"mdadm.mdadm", of_system, 1, 0},
        Row{"munin.munin", of_system, 4, 1}, Row{"munin-node.munin-node", of_system, 1, 1},
        Row{"ntpsec.ntpsec", of_system, 1, 0}, Row{"php-common.php", of_system, 1, 0},
        Row{"roundcube-core.roundcube-core", of_system, 2, 0},
        Row{"sysstat.sysstat", of_system, 2, 0}, Row{"sysstat.example", of_user, 2, 0},
        Row{"tiger.tiger", of_system, 1, 0});
    INFO(row.file);
    const std::string file{row.file};
    const auto read =
        import_crontab(read_file(file), "/etc/cron.d/" + file.substr(file.rfind('.') + 1), row.kind,
                       {.user = "root", .prefix = ""});
    CHECK(told(read.errors) == Texts{});
    CHECK(read.lost.size() == row.lost);
    CHECK(read.tasks.size() == row.tasks);
    for (const auto& task : read.tasks) {
        CHECK(schedule_of(task, {}).is_reboot() == (task.schedule == "@reboot"));
        CHECK(is_valid_name(task.name));
    }
    CHECK(parse_tasks(export_tasks(read.tasks), "t") == read.tasks);
}

TEST_CASE("real entries keep their meaning", "[crontab]")
{
    const auto task = [](const char* file, const char* path, std::size_t index) {
        return import_crontab(read_file(file), path, of_system, {}).tasks.at(index);
    };
    const auto mdadm = task("mdadm.mdadm", "/etc/cron.d/mdadm", 0);
    CHECK(mdadm.schedule == "57 0 * * 0");
    CHECK(mdadm.command == "if [ -x /usr/share/mdadm/checkarray ] && [ $(date +%d) -le 7 ]; then "
                           "/usr/share/mdadm/checkarray --cron --all --idle --quiet; fi");
    const auto sysstat = task("sysstat.sysstat", "/etc/cron.d/sysstat", 1);
    CHECK(sysstat.name == "cron.d-sysstat-2");
    CHECK(sysstat.schedule == "59 23 * * *");
    CHECK(sysstat.environment->at("PATH") ==
          "/usr/lib/sysstat:/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin");
    const auto tiger = task("tiger.tiger", "/etc/cron.d/tiger", 0);
    CHECK(tiger.environment->at("NICETIGER") == "10");
    const auto weekly = task("cron-daemon-common.crontab", "/etc/crontab", 2);
    CHECK(weekly.schedule == "47 6 * * 7");
    CHECK(weekly.user == "root");
    CHECK(weekly.command ==
          "test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.weekly; }");
}

} // namespace roleswap::crontab_test
