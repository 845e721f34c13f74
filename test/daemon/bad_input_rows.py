"""Rows of bad_input_pair: what a person writes, and what the person must read."""

YEARLY = 'schedule = "@yearly"\n'
TRUE = YEARLY + 'command = "true"\n'

FIELDS = ("; allowed: name, description, schedule, timezone, except, after, jitter, kind, command, argv, shell, "
          "user, group, groups, directory, environment, umask, input, output_max, journal, rlimit, unit, sandbox, "
          "memory_max, cpu_quota, cpu_weight, io_weight, tasks_max, queue, priority, enabled, timeout, retries, "
          "retry_delay, overlap, catch_up, catch_up_limit, late_limit, after_crash, on_swap, mail_to, needs, "
          "backup_of, backup_on, node")
NAME = "; allowed: 1 to 64 of the characters A-Z a-z 0-9 . _ -"
USER = "; allowed: the name of a user, at most 32 of A-Z a-z 0-9 . _ - $, with no - in front"
GROUP = USER.replace("a user", "a group")
PATH = "; allowed: an absolute path without control characters"
ZONE = '; allowed: an IANA name such as "Europe/Berlin", or "UTC"'
TIMEOUT = '; allowed: a duration such as "90s", 0s (none) to 366d'
SIZE = '; allowed: a size such as "64MiB", or "" for no limit'
NO_NUL = "; allowed: a text without a NUL byte"
VARIABLE = "; allowed: a name that is not empty, without = and control characters"
BYTES = "; allowed: text in UTF-8 without NUL bytes: take it out, or save the file as UTF-8"
ARGUMENT = ("; allowed: up to 131071, which the kernel takes as one argument or variable; keep large data in a "
            "file, and name that")
TOGETHER = "; allowed: up to 524288; keep large data in a file, and name that"
CIRCLE = ("; allowed: no circle: take one of these entries of after out, or none of them ever starts by itself")
AFTER = "; allowed: names of tasks, each alone or with :success, :failure or :any"
NO_TASK = '; allowed: the name of a task that is there or in the same file; see "roleswap task list"'
NEVER = ("; allowed: one with a due time; a task that is only started by hand has any schedule and enabled = false")


def task(body, name="x"):
    return '[[task]]\nname = "%s"\n%s\n' % (name, body)


def of_schedule(text):
    return task('schedule = "%s"\ncommand = "true"' % text)


def circle(*names):
    return "".join(task('command = "true"\nafter = ["%s"]' % after, name)
                   for name, after in zip(names, names[1:] + names[:1]))


def variables(count, size):
    return TRUE + "environment = { %s }" % ", ".join('V%d = "%s"' % (i, "x" * size) for i in range(count))


# What is wrong; the file; where in it, and the sentence: all of it, so that none loses a part.
FILES = [
    ("a user that cannot be", task(TRUE + 'user = "a b"'), '5:8: user = "a b"' + USER),
    ("a user of 33 characters", task(TRUE + 'user = "%s"' % ("u" * 33)), '5:8: user = "%s"' % ("u" * 33) + USER),
    ("a group that cannot be", task(TRUE + 'group = "a:b"'), '5:9: group = "a:b"' + GROUP),
    ("further groups that cannot be", task(TRUE + 'groups = ["tty", "-x"]'),
     '5:11: groups: entry 2 is "-x"' + GROUP),
    ("a directory that is not absolute", task(TRUE + 'directory = "srv"'), '5:13: directory = "srv"' + PATH),
    ("a user of one node that cannot be", task(TRUE + 'node.left.user = "a b"'),
     '5:11: node.left.user = "a b"' + USER),
    ("a need that is not absolute", task(TRUE + 'needs = ["/dev/null", "tty"]'),
     '5:10: needs: entry 2 is "tty"' + PATH),
    ("no command", task(YEARLY), '1:1: task "x" has no command; allowed: command (for a shell) or argv'),
    ("no program", task(YEARLY + 'argv = [""]'),
     '4:9: argv: entry 1 is ""; allowed: the name or the absolute path of a program'),
    ("a cron minute", of_schedule("99 * * * *"), '3:13: schedule = "99 * * * *": minute "99"; allowed: 0 to 59'),
    ("four cron fields", of_schedule("* * * *"),
     '3:20: schedule = "* * * *": no day-of-week in "* * * *"; allowed: five fields: minute hour day-of-month '
     'month day-of-week'),
    ("a cron word", of_schedule("@dayly"),
     '3:13: schedule = "@dayly": unknown schedule "@dayly", did you mean "@daily"?; allowed: @yearly @annually '
     '@monthly @weekly @daily @midnight @hourly @reboot'),
    ("cron days that never come", of_schedule("0 0 30 2 *"),
     '1:1: task x: schedule = "0 0 30 2 *", which is never due' + NEVER),
    ("a period of nothing", of_schedule("every 0s"),
     '3:19: schedule = "every 0s": period "0s"; allowed: whole seconds from 1s to 366d, such as 10s, 5m, 1h30m'),
    ("a word that is no schedule", of_schedule("soon"),
     '3:13: schedule = "soon": unknown schedule "soon"; allowed: five cron fields, @daily and its kin, every 10s, '
     'or a calendar expression such as Mon..Fri 08:00 or weekly'),
    ("a calendar weekday", of_schedule("Mon..Fry 08:00"),
     '3:18: schedule = "Mon..Fry 08:00": weekday "Fry"; allowed: Mon to Sun, Mon..Fri, Sat,Sun'),
    ("a calendar hour", of_schedule("Mon..Fri 25:00"),
     '3:22: schedule = "Mon..Fri 25:00": hour "25"; allowed: 0 to 23'),
    ("a calendar month", of_schedule("calendar *-13-01"),
     '3:24: schedule = "calendar *-13-01": month "13"; allowed: 1 to 12'),
    ("a zone in a calendar", of_schedule("Mon 08:00 Europe/Berln"),
     '3:23: schedule = "Mon 08:00 Europe/Berln": time zone "Europe/Berln"' + ZONE),
    ("a time zone", task(TRUE + 'timezone = "Mars/Base"'),
     '5:13: timezone = "Mars/Base": time zone "Mars/Base"' + ZONE),
    ("a task after itself", circle("x"), "4:9: a circle: x after x" + CIRCLE),
    ("two tasks after each other", circle("x", "y"), "4:9: a circle: x after y after x" + CIRCLE),
    ("three tasks after each other", circle("x", "y", "z"), "4:9: a circle: x after y after z after x" + CIRCLE),
    ("after a task that is not there", task('command = "true"\nafter = ["nobody"]'),
     '4:9: task "x": after = "nobody", which is no task' + NO_TASK),
    ("after a name that cannot be", task('command = "true"\nafter = ["no body"]'),
     '4:10: after: entry "no body"' + AFTER),
    ("one variable of a megabyte", task(variables(1, 1_000_000)),
     '5:16: environment: variable "V0" has 1000003 bytes' + ARGUMENT),
    ("a megabyte of variables", task(variables(10, 100_000)),
     '1:1: task "x" has 1000131 bytes of command, arguments and environment' + TOGETHER),
    ("a command of a megabyte", task(YEARLY + 'command = "%s"' % ("x" * 1_000_000)),
     '4:12: command = "%s"... (1000000 bytes): the command has 1000000 bytes' % ("x" * 100) + ARGUMENT),
    ("= in the name of a variable", task(TRUE + 'environment = { "A=B" = "c" }'),
     '5:16: environment: variable "A=B"' + VARIABLE),
    ("a variable without a name", task(TRUE + 'environment = { "" = "c" }'),
     '5:16: environment: variable ""' + VARIABLE),
    ("a variable that is a number", task(TRUE + "environment = { A = 5 }"),
     '5:16: environment: "A" is 5; allowed: a table of NAME = "value"'),
    ("NUL in the command", task(YEARLY + 'command = "a\\u0000b"'), '4:11: command = "a\\u0000b"' + NO_NUL),
    ("NUL in an argument", task(YEARLY + 'argv = ["a", "b\\u0000"]'), '4:9: argv: entry 2 is "b\\u0000"' + NO_NUL),
    ("NUL in a variable", task(TRUE + 'environment = { A = "a\\u0000" }'),
     '5:16: environment: variable "A" = "a\\u0000"' + NO_NUL),
    ("NUL in the name of a variable", task(TRUE + 'environment = { "A\\u0000" = "a" }'),
     '5:16: environment: variable "A\\u0000"' + VARIABLE),
    ("NUL in the name", task(TRUE, "a\\u0000b"), '2:8: name = "a\\u0000b"' + NAME),
    ("NUL in the text for stdin", task(TRUE + 'input = "a\\u0000"'), '5:9: input = "a\\u0000"' + NO_NUL),
    ("a NUL byte in a text of the file", task(YEARLY + 'command = "a\0b"'), "4:13: a NUL byte" + BYTES),
    ("a NUL byte between the lines", task(YEARLY + '\0command = "ab"'), "4:1: a NUL byte" + BYTES),
    ("a byte that is no UTF-8", b'[[task]]\nname = "x"\n# \xc3\xa9 \xff\n',
     "3:5: byte 0xFF, which is no UTF-8" + BYTES),
    ("a file in UTF-16", task(TRUE).encode("utf-16"), "1:1: byte 0xFF, which is no UTF-8" + BYTES),
    ("a name of 65 characters", task(TRUE, "n" * 65), '2:8: name = "%s"' % ("n" * 65) + NAME),
    ("a name of 100 000 characters", task(TRUE, "n" * 100_000),
     '2:8: name = "%s"... (100000 bytes)' % ("n" * 100) + NAME),
    ("no name", "[[task]]\n" + TRUE, "1:1: a task has no name" + NAME),
    ("a name that is a number", "[[task]]\nname = 5\n" + TRUE, "2:8: name = 5" + NAME),
    ("a size in words", task(TRUE + 'output_max = "lots"'), '5:14: output_max = "lots"' + SIZE),
    ("a size below nothing", task(TRUE + 'output_max = "-1"'), '5:14: output_max = "-1"' + SIZE),
    ("a negative time limit", task(TRUE + 'timeout = "-1s"'), '5:11: timeout = "-1s"' + TIMEOUT),
    ("a time limit without a unit", task(TRUE + "timeout = 5"), "5:11: timeout = 5" + TIMEOUT),
    ("a time limit above a year", task(TRUE + 'timeout = "367d"'), '5:11: timeout = "367d"' + TIMEOUT),
    ("a time limit that no number holds", task(TRUE + 'timeout = "99999999999999999999s"'),
     '5:11: timeout = "99999999999999999999s"' + TIMEOUT),
    ("negative retries", task(TRUE + "retries = -1"), "5:11: retries = -1; allowed: 0 to 1000"),
    ("a number above 64 bits", task(TRUE + "retries = 99999999999999999999"),
     "5:31: Error while parsing decimal integer: '99999999999999999999' is not representable in 64 bits; allowed: "
     "TOML 1.0"),
    ("a field that is not there", task(TRUE + 'comand = "true"'),
     '5:1: unknown key "comand", did you mean "command"?' + FIELDS),
    ("the same task twice", task(TRUE) + task(TRUE),
     '6:1: a second task "x", the first is in line 1; allowed: each name once'),
    ("the same field twice", task(TRUE + 'command = "false"'),
     "5:11: Error while parsing key-value pair: cannot redefine existing string 'command'; allowed: TOML 1.0"),
    ("no list of tasks", "task = 5\n", '1:1: "task"; allowed: [[task]] tables'),
    ("a good task before a bad one", task(TRUE, "good") + task(TRUE + "retries = -1"),
     "10:11: retries = -1; allowed: 0 to 1000"),
]

ADD = ["task", "add", "x", "--schedule", "@yearly", "--command", "true"]

# Words of the command line; exit code; what it says.
WORDS = [
    (["task", "add", "x", "--schedule", "99 * * * *", "--command", "true"], 2,
     'roleswap task add: schedule = "99 * * * *": minute "99"; allowed: 0 to 59'),
    (["task", "add", "x", "--schedule", "0 0 30 2 *", "--command", "true"], 2,
     'roleswap task add: task x: schedule = "0 0 30 2 *", which is never due' + NEVER),
    (["task", "add", "x", "--command", "true"], 2,
     "roleswap: A task needs --schedule TEXT or --after TASK, or --backup-of NAME and --backup-on NODE."),
    (["task", "add", "x", "--after", "nobody", "--command", "true"], 2,
     'roleswap task add: task "x": after = "nobody", which is no task' + NO_TASK),
    (["task", "add", "x", "--after", "x", "--command", "true"], 2,
     "roleswap task add: a circle: x after x" + CIRCLE),
    (["task", "add", "n" * 65, *ADD[3:]], 2, 'roleswap task add: name = "%s"' % ("n" * 65) + NAME),
    ([*ADD, "--timezone", "Mars/Base"], 2,
     'roleswap task add: timezone = "Mars/Base": time zone "Mars/Base"' + ZONE),
    ([*ADD, "--directory", "srv"], 2, 'roleswap task add: directory = "srv"' + PATH),
    ([*ADD, "--user", "a b"], 2, 'roleswap task add: user = "a b"' + USER),
    ([*ADD, "--timeout", "-5s"], 2,
     'roleswap: --timeout was "-5s"; allowed is a duration such as 500ms, 30s, 5m, 2h.'),
    ([*ADD, "--timeout", "367d"], 2, 'roleswap task add: timeout = "367d"; allowed: 0s (none) to 366d'),
    ([*ADD, "--env", "=A"], 2, 'roleswap: --env was "=A"; allowed is NAME=VALUE.'),
    ([*ADD, *(word for i in range(5) for word in ("--env", "V%d=%s" % (i, "x" * 125_000)))], 2,
     'roleswap task add: task "x" has 625071 bytes of command, arguments and environment' + TOGETHER),
    ([*ADD[:-1], b"a\xff"], 2, 'roleswap: command is not valid UTF-8: "a\\ufffd"; allowed is text in UTF-8.  Keep '
                               'other bytes in a file, and name that.'),
    ([*ADD, "--tiemout", "5s"], 2,
     'roleswap: there is no option "--tiemout" of add; did you mean "--timeout"?'),
    (["task", "remove", "user"], 2,
     'roleswap task remove: task "later" is after "user", which goes; allowed: take "user" out of the after of '
     '"later" first, or remove "later" too'),
    (["task", "run", "nobody"], 6, 'roleswap: there is no task "nobody"; see "roleswap task list"'),
    (["run", "output", "999999"], 6, 'roleswap: there is no run 999999; see "roleswap run list"'),
    (["run", "follow", "nobody"], 6, 'roleswap: there is no run of a task "nobody"; see "roleswap run list"'),
]

# What an application asks of the store; lines of the answer.
REQUESTS = [
    ("a task that is not there", "SELECT roleswap.enqueue('nobody')",
     ['ERROR:  there is no task "nobody"', 'HINT:  See "roleswap task list".']),
    ("a payload of a megabyte", "SELECT roleswap.enqueue('user', to_jsonb(repeat('x', 1000000)))",
     ["ERROR:  the payload has 1000002 bytes; allowed: up to 65536",
      "HINT:  Keep large data in a table and give its key."]),
    ("NUL in a payload", """SELECT roleswap.enqueue('user', '{"a": "b\\u0000"}')""",
     ["DETAIL:  \\u0000 cannot be converted to text.", 'CONTEXT:  JSON data, line 1: {"a": "b\\u0000...']),
    ("a priority", "SELECT roleswap.enqueue('user', priority => 101)",
     ["ERROR:  priority is 101; allowed: -100 to 100"]),
    ("a time that never comes", "SELECT roleswap.enqueue('user', not_before => 'infinity')",
     ["ERROR:  not_before is infinity; allowed: a time in the years 1970 to 2199",
      "HINT:  Leave it out for a run that may start at once."]),
    ("an empty key", "SELECT roleswap.enqueue('user', key => '')",
     ["ERROR:  the key has 0 characters; allowed: 1 to 200"]),
]

NODE = " on this node"

# Known only on the node, at the start: name, fields of the task; exit code of a run; why it fails; how
# `check` of each node shows it before.
STARTS = [
    ("user", 'user = "no-such-user"', 126,
     'user "no-such-user" does not exist on this node; make the account, or give the task another user' + NODE,
     'user "no-such-user": does not exist on this node'),
    ("group", 'group = "no-such"', 126,
     'group "no-such" does not exist on this node; make the group, or give the task another one' + NODE,
     'group "no-such": does not exist on this node'),
    ("directory", 'directory = "/no/such"', 126,
     "directory /no/such: No such file or directory; make it, or give the task another one" + NODE,
     "directory /no/such: No such file or directory"),
    ("file", 'directory = "/etc/passwd"', 126,
     "directory /etc/passwd: Not a directory; make it, or give the task another one" + NODE,
     "directory /etc/passwd: Not a directory"),
    ("program", 'argv = ["/no/such/program"]', 127,
     "command /no/such/program: No such file or directory; install it, or give the task another one" + NODE,
     "program /no/such/program: not found, or not executable"),
    ("no-program", 'argv = ["/etc/passwd"]', 126,
     "command /etc/passwd: Permission denied; make it executable for the user of the task",
     "program /etc/passwd: not found, or not executable"),
    ("shell", 'shell = "/no/shell"', 127,
     "shell /no/shell: No such file or directory; install it, or give the task another one" + NODE,
     "program /no/shell: not found, or not executable"),
    ("need", 'needs = ["/dev/no-such"]', 126,
     "needs /dev/no-such: No such file or directory; connect or make it, or give the task another one" + NODE,
     "needs /dev/no-such: No such file or directory"),
]
