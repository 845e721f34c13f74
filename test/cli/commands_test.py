"""Commands against a scripted daemon: arguments sent, output, exit codes."""
import copy
import json
import unittest

from daemon import Case, STATUS, fixture

CONFIG = """
[pair]
name = "alpha"
takeover_delay = "1s"
[[node]]
name = "left"
data_dir = "@/left"
run_dir = "@"
[[node]]
name = "right"
data_dir = "@/right"
run_dir = "@"
[[link]]
name = "lan-a"
address = { left = "10.0.1.1", right = "10.0.1.2" }
"""


class Words(Case):
    def test_an_unknown_word_offers_the_nearest(self):
        for words, text in {
                ("stauts",): 'there is no command "stauts"; did you mean "status"?',
                ("task", "lst"): 'there is no command "lst" of task; did you mean "list"?',
                ("--node", "left", "qeue", "list"): 'did you mean "queue"?',
                ("status", "--jsno"): 'there is no option "--jsno" of status; did you mean "--json"?',
                ("queue", "status"): 'there is no command "status" of queue',
        }.items():
            self.assertIn(text, self.expect(2, *words).stderr)

    def test_an_incomplete_line_is_a_usage_error(self):
        for words in ((), ("task",), ("task", "show"), ("events", "-n", "0"), ("events", "-n", "x"),
                      ("queue", "hold"), ("queue", "hold", "a", "--all"), ("drain", "--timeout", "3"),
                      ("task", "add", "x", "--schedule", "@daily"),
                      ("task", "add", "x", "--schedule", "@daily", "--command", "a", "--", "b"),
                      ("task", "add", "x", "--schedule", "@daily", "--command", "a", "--env", "B"),
                      ("primitive", "activate", "--force"), ("apply", "/does/not/exist")):
            self.start_once()
            self.assertTrue(self.expect(2, *words).stderr.startswith("roleswap: "), words)

    def test_a_missing_command_names_those_there_are(self):
        self.assertIn("See roleswap --help.", self.expect(2).stderr)
        self.assertIn('after "roleswap task"; there are: list,', self.expect(2, "task").stderr)
        self.assertIn("See roleswap task show --help.", self.expect(2, "task", "show").stderr)

    def test_a_value_that_is_not_allowed_is_a_usage_error(self):
        self.start({"status": STATUS})
        self.assertIn("standby", self.expect(2, "nodes", "--role", "foo").stderr)
        self.assertIn('"nodes" is no JSON pointer', self.expect(2, "status", "--get", "nodes").stderr)
        self.assertIn("Is a directory", self.expect(2, "apply", str(self.path)).stderr)

    def test_a_number_that_is_none_is_told_with_its_limits(self):
        add = ("task", "add", "a", "--schedule", "@daily", "--command", "true")
        for words, text in ((add + ("--retries", "x"), "--retries: Value x not in range 0 to 1000."),
                            (add + ("--priority", "x"), "--priority: Value x not in range -100 to 100."),
                            (("run", "output", "1", "-n", "-1"), "range 0 to 1000000000."),
                            (("queue", "set", "a", "--concurrency", "x"), "range 0 to 100000.")):
            self.assertIn(text, self.expect(2, *words).stderr)

    def test_a_date_that_does_not_exist_is_told(self):
        for time in ("2026-02-30", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-13-01"):
            self.assertIn("that exists", self.expect(
                2, "task", "next", "--schedule", "@daily", "--from", time).stderr)
        self.expect(0, "task", "next", "--schedule", "@daily", "--from", "2028-02-29")

    def test_a_file_without_an_end_is_refused(self):
        for words in (("apply", "/dev/zero"), ("import", "crontab", "/dev/zero")):
            self.assertIn("/dev/zero has more than 67108864 bytes", self.expect(2, *words).stderr)

    def test_what_the_daemon_says_of_a_command_names_it_once(self):
        self.start({"task_add": {"error": "BadArgument", "message": "roleswap task add: minute \"61\""}})
        add = ("task", "add", "a", "--schedule", "61 * * * *", "--command", "true")
        self.assertEqual(self.expect(2, *add).stderr, 'roleswap task add: minute "61"\n')

    def test_what_a_new_task_lacks_is_told_and_no_error(self):
        lacks = {"unready": [{"node": "left", "task": "a", "what": 'user "x"', "fix": "make the account",
                              "value": "does not exist on this node"}]}
        told = 'Not ready on left: a: user "x": does not exist on this node; make the account\n'
        self.start({"task_add": dict(lacks, next_due=None), "task_enable": dict(lacks, next_due=None),
                    "task_apply": dict(lacks, added=["a"], changed=[], removed=[], same=0)})
        tasks = self.path / "tasks"
        tasks.write_text("")
        for words in (("task", "add", "a", "--schedule", "@daily", "--command", "true"),
                      ("task", "enable", "a"), ("apply", str(tasks))):
            self.assertTrue(self.expect(0, *words).stdout.endswith(told), words)

    def test_the_version_is_an_option_and_a_command(self):
        self.assertRegex(self.expect(0, "--version").stdout, r"^roleswap \d+\.\d+")
        self.assertEqual(self.expect(0, "--version").stdout, self.expect(0, "version").stdout)

    def start_once(self):
        if not self.log.exists():
            self.start({"status": STATUS})

    def test_help_is_no_error(self):
        self.assertIn("Exit codes", self.expect(0, "--help").stdout)
        self.assertIn("--bar", self.expect(0, "status", "--help").stdout)

    def test_completion_knows_commands_and_options(self):
        self.assertEqual(self.expect(0, "--complete", "que").stdout, "queue\n")
        self.assertEqual(self.expect(0, "--complete", "queue", "").stdout, "list\nhold\nrelease\nset\nremove\n")
        self.assertIn("--json\n", self.expect(0, "--complete", "status", "--j").stdout)
        self.assertEqual(self.expect(0, "--complete", "--node", "").stdout, "")


class ExitCodes(Case):
    def test_each_error_has_its_exit_code(self):
        for error, code in {"Failed": 1, "BadArgument": 2, "Refused": 3, "NotMaster": 3,
                            "Unreachable": 4, "Denied": 5, "NotFound": 6}.items():
            daemon = self.start({"task_run": {"error": error, "message": "because " + error}})
            done = self.expect(code, "task", "run", "backup")
            self.assertEqual(done.stderr, "roleswap: because %s\n" % error)
            self.assertEqual(done.stdout, "")
            daemon.kill()
            daemon.wait()

    def test_without_a_daemon_it_says_so(self):
        self.assertIn("systemctl start roleswapd", self.expect(4, "status").stderr)
        self.start({"task_run": {"die": True}})
        self.assertIn("ended before it answered", self.expect(4, "task", "run", "x").stderr)

    def test_check_that_is_not_ready_is_refused(self):
        self.start({"check": fixture("check")})
        self.assertIn("Not ready", self.expect(3, "check").stdout)
        self.assertEqual(json.loads(self.expect(3, "check", "--json").stdout), fixture("check"))


class Calls(Case):
    def test_arguments_arrive_as_documented(self):
        everything = {verb: {} for verb in (
            "status hand_over takeover_hold task_add task_enable run_list run_kill queue_hold "
            "queue_release queue_set queue_remove scheduler_stop operation_step operation_end activate").split()}
        everything["drain"] = {"drained": True, "running": []}
        self.start(everything)
        for words, verb, args in (
                (["hand-over", "--operation", "7"], "hand_over", {"operation": 7}),
                (["takeover", "hold", "--reason", "r"], "takeover_hold", {"reason": "r"}),
                (["queue", "hold", "--all", "--save", "--reason", "swap"], "queue_hold",
                 {"all": True, "save": True, "reason": "swap"}),
                (["queue", "release", "mail", "--restore"], "queue_release",
                 {"name": "mail", "restore": True}),
                (["scheduler", "stop", "--node", "right"], "scheduler_stop", {"node": "right"}),
                (["task", "enable", "status"], "task_enable", {"name": "status"}),
                (["queue", "set", "mail", "--concurrency", "2"], "queue_set",
                 {"name": "mail", "concurrency": 2}),
                (["queue", "remove", "mail"], "queue_remove", {"name": "mail"}),
                (["run", "kill", "9"], "run_kill", {"id": 9}),
                (["drain", "--timeout", "500ms"], "drain", {"timeout_ms": 500}),
                (["operation", "step", "7", "drain", "done", "--detail", "-"], "operation_step",
                 {"id": 7, "step": "drain", "state": "done", "detail": "-"}),
                (["operation", "end", "7", "undone"], "operation_end",
                 {"id": 7, "result": "undone"}),
                (["primitive", "activate", "--force", "--reason", "r"], "activate",
                 {"force": True, "reason": "r"}),
                (["task", "add", "b", "--schedule", "@daily", "--timeout", "5m", "--retries", "2",
                  "--env", "A=b=c", "--env", "D=", "--disabled", "--", "/bin/echo", "-n", "x"],
                 "task_add", {"task": {
                     "name": "b", "schedule": "@daily", "timeout_ms": 300000, "retries": 2,
                     "environment": {"A": "b=c", "D": ""}, "enabled": False,
                     "argv": ["/bin/echo", "-n", "x"]}})):
            before = len(self.calls())
            self.expect(0, *words)
            self.assertEqual(self.calls()[before:], [(verb, args)], words)

    def test_json_and_get_print_the_answer(self):
        self.start({"status": STATUS, "operation_begin": {"id": 12}})
        self.assertEqual(json.loads(self.expect(0, "status", "--json").stdout), STATUS)
        self.assertEqual(self.expect(0, "status", "--get", "/nodes/1/name").stdout, "right\n")
        self.assertEqual(self.expect(0, "--get", "/nodes/0/epoch", "status").stdout, "5\n")
        self.assertIn("no part /nodes/9", self.expect(6, "status", "--get", "/nodes/9").stderr)
        self.assertEqual(self.expect(0, "nodes", "--role", "master").stdout, "left\n")
        self.assertIn("No node is claiming", self.expect(3, "nodes", "--role", "claiming").stderr)
        begin = self.expect(0, "operation", "begin", "--kind", "swap", "--owner-pid", "1")
        self.assertEqual(begin.stdout, "12\n")

    def test_events_of_both_nodes_come_in_the_order_of_time(self):
        first, second = fixture("events")["events"]
        between = dict(first, node="right", seq=7, at="2026-11-22T13:00:00.000Z")
        self.start({"status": STATUS,
                    "events": [{"events": [first, second]}, {"events": [between]}]})
        shown = json.loads(self.expect(0, "events", "--json", "-n", "2").stdout)["events"]
        self.assertEqual(shown, [between, second])

    def test_a_silent_peer_does_not_hide_the_own_events(self):
        self.start({"status": STATUS, "events": [
            fixture("events"), {"error": "Unreachable", "message": "right is silent"}]})
        done = self.expect(0, "events")
        self.assertIn("link_down", done.stdout)
        self.assertIn("the events of right are missing: right is silent", done.stderr)

    def test_why_asks_the_node_of_the_event(self):
        event = dict(fixture("events")["events"][1], evidence=None, before=[])
        self.start({"why": {"node": "left", "at": event["at"], "decisions": [event]}})
        shown = self.expect(0, "why", "right:42").stdout
        self.assertIn("left:42", shown)
        self.assertIn("No decision about roles", shown)
        self.expect(0, "why")
        self.expect(0, "--node", "right", "why", "42")
        for wrong in ("x", ":4", "right:", "right:0", "4x", "-"):
            self.assertIn("NODE:SEQ", self.expect(2, "why", wrong).stderr)
        self.assertEqual(json.loads(self.expect(0, "why", "7", "--json").stdout)["node"], "left")

    def test_an_unknown_event_has_an_exit_code_of_its_own(self):
        self.start({"why": {"error": "NotFound", "message": "left has no event 9"}})
        self.assertIn("left has no event 9", self.expect(6, "why", "9").stderr)

    def test_the_table_of_roles_is_a_diagram_too(self):
        table = json.loads(self.expect(0, "fsm", "--json").stdout)["rules"]
        diagram = self.expect(0, "fsm", "--mermaid").stdout.splitlines()
        self.assertEqual(diagram[:2], ["stateDiagram-v2", "    [*] --> undecided"])
        self.assertEqual(len(diagram), len(table) + 2)

    def test_what_was_not_taken_is_counted_below_the_links(self):
        links = copy.deepcopy(STATUS["links"])
        links[0]["rejected"] = {"forged": 3, "wrong pair": 1}
        self.start({"links": {"links": links}})
        self.assertIn("lan-a: 3 forged, 1 wrong pair", self.expect(0, "links").stdout)

    def test_pending_counts_down(self):
        self.start({"pending": [{"bytes": 5, "requests": 0}, {"bytes": 0, "requests": 1},
                                {"bytes": 0, "requests": 0, "state": "streaming"}]})
        self.assertIn("0 B and 0 requests", self.expect(0, "pending", "--wait").stdout)
        self.assertEqual(len(self.calls()), 3)

    def test_a_standby_that_is_gone_does_not_count_down(self):
        gone = {"bytes": 0, "requests": 0, "follows": False, "state": "alone"}
        self.start({"pending": [dict(gone, bytes=None)] + [gone]})
        self.assertEqual(self.expect(0, "pending").stdout,
                         "an unknown number of bytes and 0 requests pending, alone\n")
        waited = self.expect(1, "pending", "--wait", "--timeout", "60s")
        self.assertIn("No standby follows", waited.stderr)
        self.assertEqual(len(self.calls()), 2)

    def test_a_standby_that_is_away_for_a_moment_is_waited_for(self):
        away = {"bytes": 0, "requests": 0, "follows": False, "state": "mirrored"}
        daemon = self.start({"pending": [away, away, dict(away, follows=True)]})
        self.expect(0, "pending", "--wait")
        self.assertEqual(len(self.calls()), 3)
        daemon.kill()
        daemon.wait()
        self.start({"pending": [away]})
        self.assertIn("No standby follows",
                      self.expect(1, "pending", "--wait", "--timeout", "50ms").stderr)

    def test_a_role_that_nobody_has_is_refused_with_what_each_node_is(self):
        status = copy.deepcopy(STATUS)
        status["nodes"][1].update(reachable=False, role="unknown")
        daemon = self.start({"status": status})
        for words in (["nodes", "--role", "standby"], ["swap"], ["swap", "--dry-run"]):
            self.assertEqual(self.expect(3, *words).stderr,
                             "roleswap: No node is standby now: left is master, right does not answer.  "
                             "Start roleswapd on right, or see roleswap links.\n")
        daemon.kill()
        daemon.wait()
        status["nodes"][0].update(role="undecided", why="waits for right")
        status["nodes"][1].update(reachable=True, role="undecided", why="")
        self.start({"status": status})
        self.assertEqual(self.expect(3, "nodes", "--role", "master").stderr,
                         "roleswap: No node is master now: left is undecided (waits for right), "
                         "right is undecided.  See roleswap status.\n")

    def test_waits_end_at_their_limit(self):
        self.start({"pending": {"bytes": 5, "requests": 0}, "status": STATUS,
                    "drain": {"drained": False, "running": [{"run": 1, "task": "backup"}]}})
        self.expect(1, "pending", "--wait", "--timeout", "50ms")
        self.assertIn("1 running: backup", self.expect(1, "drain", "--timeout", "50ms").stdout)
        waited = self.expect(1, "wait", "--master", "right", "--timeout", "50ms")
        self.assertIn("left is master, not right", waited.stderr)
        self.expect(0, "wait", "--master", "left", "--in-sync")

    def test_tasks_are_told_with_the_fields_of_the_engine(self):
        due = ["2026-11-23T02:30:00.000Z", "2026-11-24T02:30:00.000Z"]
        self.start({
            "task_run": [{"id": 9, "state": "running"}, {"id": 0, "state": "skipped"}],
            "task_add": {"name": "a", "next_due": due[0]},
            "task_next": {"name": "a", "schedule": "@daily", "timezone": "Europe/Berlin", "why": "x y",
                          "next": [{"due": due[0], "local": "2026-11-23T03:30:00+01:00"}]},
            "task_list": {"tasks": [{"name": "b", "next_due": due[1]}, {"name": "c"},
                                    {"name": "a", "next_due": due[0]}]}})
        self.env["TZ"] = "UTC"
        self.assertEqual(self.expect(0, "task", "run", "a").stdout, "Run 9 of task a is running.\n")
        self.assertIn("none was added", self.expect(0, "task", "run", "a").stdout)
        added = self.expect(0, "task", "add", "a", "--schedule", "@daily", "--command", "true")
        self.assertEqual(added.stdout, "Task a added, next due 2026-11-23 02:30:00.\n")
        self.assertEqual(self.expect(0, "task", "next", "a").stdout,
                         "DUE IN Europe/Berlin        UTC\n"
                         "2026-11-23 03:30:00 +01:00  2026-11-23 02:30:00\nMind: x y.\n")
        self.assertEqual(self.expect(0, "task", "next").stdout,
                         "2026-11-23 02:30:00  a\n2026-11-24 02:30:00  b\n")

    def test_the_next_times_of_a_text_need_no_daemon(self):
        words = ("task", "next", "--schedule")
        berlin = ("--timezone", "Europe/Berlin", "--from", "2026-10-25", "-n", "2")
        self.assertEqual(self.expect(0, *words, "*-*-* 02:0/30", *berlin).stdout,
                         "DUE IN Europe/Berlin        UTC\n"
                         "2026-10-25 02:00:00 +02:00  2026-10-25 00:00:00\n"
                         "2026-10-25 02:30:00 +02:00  2026-10-25 00:30:00\n")
        shown = json.loads(self.expect(0, "--json", *words, "30 2 * * *", *berlin, "--except",
                                       "10-26").stdout)
        self.assertEqual([time["local"] for time in shown["next"]],
                         ["2026-10-25T02:30:00+02:00", "2026-10-27T02:30:00+01:00"])
        self.assertIn("Mind: never", self.expect(0, *words, "0 0 30 2 *").stdout)
        self.assertIn("has no due times", self.expect(0, *words, "@reboot").stdout)
        self.assertIn("hour \"24\"; allowed: 0 to 23 (column 5)",
                      self.expect(2, *words, "Mon 24:00").stderr)
        self.assertIn("--from was \"soon\"",
                      self.expect(2, *words, "@daily", "--from", "soon").stderr)
        self.expect(2, "task", "next", "a", "--schedule", "@daily")
        self.expect(2, "task", "next", "a", "--timezone", "UTC")

    def test_an_unknown_operation_is_not_found(self):
        self.start({"operation_show": {"operation": None}})
        self.assertIn("no operation 99", self.expect(6, "operation", "show", "99").stderr)
        self.assertIn("no operation yet", self.expect(0, "operation", "show").stdout)

    def test_a_runbook_is_not_sent_to_a_node(self):
        self.start({"operation_show": {"operation": {"kind": "swap", "result": "done"}}})
        for words, text in {("swap",): "act on the pair", ("undo",): "act on the pair",
                            ("activate",): "run it on right itself",
                            ("rejoin",): "run it on right itself"}.items():
            self.assertIn(text, self.expect(2, "--node", "right", *words).stderr)
            self.assertIn(text, self.expect(2, *words, "--node", "right").stderr)
        self.assertEqual(self.calls(), [])


class Files(Case):
    def config(self, text=CONFIG):
        path = self.path / "roleswap.toml"
        path.write_text(text.replace("@", str(self.path)))
        return str(path)

    def test_config_check_tells_the_place_of_a_fault(self):
        self.assertIn("is good: pair alpha", self.expect(0, "config", "check", self.config()).stdout)
        bad = self.config(CONFIG.replace('"1s"', '"1"'))
        self.assertIn(bad + ":4:", self.expect(2, "config", "check", bad).stderr)
        self.expect(2, "config", "check", "/does/not/exist")

    def test_a_task_file_is_told_with_its_own_path(self):
        self.start({"task_apply": {"added": ["a"], "changed": [], "removed": [], "same": 0}})
        path = self.path / "tasks.toml"
        path.write_text('[[task]]\nname = "a"\nschedule = "61 * * * *"\ncommand = "true"\n')
        self.assertIn(str(path) + ":3:", self.expect(2, "apply", str(path)).stderr)
        self.assertEqual(self.calls(), [])
        path.write_text('[[task]]\nname = "a"\nschedule = "6 * * * *"\ncommand = "true"\n')
        self.assertIn("+ a\n", self.expect(0, "apply", str(path), "--dry-run").stdout)
        self.assertTrue(self.calls()[0][1]["dry_run"])

    def test_an_import_lists_what_it_cannot_keep(self):
        self.start({"task_apply": {"added": ["x"], "changed": [], "removed": [], "same": 0}})
        crontab = self.path / "crontab"
        crontab.write_text("MAILTO=root\n17 * * * * root true\n99 * * * * root true\n")
        done = self.expect(1, "import", "crontab", str(crontab))
        self.assertIn("%s:1:1: not kept: MAILTO = \"root\"" % crontab, done.stdout)
        self.assertIn("%s:3:1: refused:" % crontab, done.stdout)
        verb, args = self.calls()[0]
        self.assertEqual(verb, "task_apply")
        self.assertIn("17 * * * *", args["toml"])
        self.assertNotIn("remove_others", args)

    def test_init_makes_the_first_node_and_never_a_second_time(self):
        self.env.update(ROLESWAP_NODE="left", ROLESWAP_CONFIG=str(self.path / "new" / "r.toml"))
        self.expect(2, "init")
        self.expect(2, "init", "--pair", "p", "--node", "left")
        key = 'key_file = "%s"\n' % (self.path / "pair.key")
        self.env["ROLESWAP_CONFIG"] = self.config(CONFIG.replace("takeover", key + "takeover"))
        self.assertIn("first of pair alpha", self.expect(0, "init").stdout)
        record = (self.path / "left" / "record").read_text()
        self.assertIn("epoch 1\nmaster first\nmode alone\n", record)
        self.assertEqual((self.path / "pair.key").stat().st_mode & 0o777, 0o600)
        before = (self.path / "pair.key").read_text()
        self.expect(3, "init")
        self.expect(3, "join")
        self.assertEqual((self.path / "pair.key").read_text(), before)
        self.assertEqual((self.path / "left" / "record").read_text(), record)
        self.env["ROLESWAP_NODE"] = "right"
        self.assertIn("use roleswap join", self.expect(3, "init").stderr)
        self.assertFalse((self.path / "right").exists())
        self.expect(0, "join")
        self.assertIn("epoch 0\n", (self.path / "right" / "record").read_text())
        self.expect(0, "join")
        (self.path / "right" / "record").write_text(record)  # as the daemon learns it
        self.assertIn("Start the daemon", self.expect(0, "join").stdout)
        self.follow_the_copy()

    def follow_the_copy(self):
        copying = copy.deepcopy(STATUS)
        copying["nodes"][1].update(in_sync=False, store={
            "state": "down", "copy": {"done": 0.5, "bytes": 512, "bytes_total": 1024}})
        daemon = self.start({"node_status": {}, "status": copying})
        late = self.expect(1, "join", "--timeout", "50ms").stderr
        self.assertIn("right is not in sync yet: copying 50 % of 1.0 KiB", late)
        daemon.kill()
        daemon.wait()
        self.start({"node_status": {}, "status": [copying, STATUS]})
        self.assertIn("The mirror is in sync", self.expect(0, "join").stdout)

    def test_init_writes_a_configuration_of_its_options(self):
        path = self.path / "r.toml"
        self.env.update(ROLESWAP_NODE="a", ROLESWAP_CONFIG=str(path))
        options = ["init", "--pair", "p", "--node", "a=a.example.org,a2", "--node", "b",
                   "--link", "lan-a=10.0.1.1,10.0.1.2", "--link", "x=fd00::1,fd00::2",
                   "--probe", "10.0.1.254"]
        for bad in (["--link", "y=10.0.9.1"], ["--link", "y=nonsense,10.0.9.1"], ["--node", "c"]):
            self.expect(2, *options, *bad)
            self.assertFalse(path.exists())

    def test_join_needs_what_the_first_node_made(self):
        self.env.update(ROLESWAP_NODE="right", ROLESWAP_CONFIG=str(self.path / "none.toml"))
        self.assertIn("say roleswap join ADDRESS", self.expect(3, "join").stderr)

    def test_a_copy_without_room_ends_the_wait(self):
        short = copy.deepcopy(STATUS)
        short["nodes"][1].update(in_sync=False, store={
            "state": "down", "refused": "a full copy needs 2.1 GiB, /x has 1.0 GiB free"})
        self.start({"status": short})
        done = self.expect(3, "wait", "--in-sync", "--timeout", "30s")
        self.assertIn("needs 2.1 GiB, /x has 1.0 GiB free", done.stderr)

    def test_server_history_is_listed_and_decided(self):
        entry = {"id": 4, "kind": "run", "node": "left", "epoch": 3, "task": "nightly",
                 "due": "2026-11-22T12:00:00.000Z", "state": "undecided", "run_state": "ok",
                 "here": {"run": 12, "state": "queued"}}
        self.start({"history_list": {"history": [entry], "undecided": 1},
                    "history_show": {"history": dict(entry, row={"exit_code": 0,
                                                                 "output_tail": "line\n"})},
                    "history_accept": {"accepted": [4], "undecided": 0},
                    "history_dismiss": {"dismissed": [], "undecided": 0}})
        self.assertIn("nightly", self.expect(0, "history", "list", "--state", "all").stdout)
        self.assertIn("run 12 queued", self.expect(0, "history", "list").stdout)
        self.assertIn("Output:\nline\n", self.expect(0, "history", "show", "4").stdout)
        self.assertIn("1 accepted", self.expect(0, "history", "accept", "4").stdout)
        self.expect(0, "history", "dismiss", "--task", "nightly")
        self.expect(2, "history", "accept")
        self.expect(2, "history", "dismiss", "4", "--all")
        self.assertEqual(self.calls(), [("history_show", {"id": 4}), ("history_accept", {"id": 4}),
                                        ("history_dismiss", {"task": "nightly"})])


if __name__ == "__main__":
    unittest.main()
