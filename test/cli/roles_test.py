"""activate, undo and wait, and which node this is."""
import copy
import json
import socket
import unittest

from daemon import Case, STATUS

SWAPPED = copy.deepcopy(STATUS)
SWAPPED["nodes"][0].update(role="standby")
SWAPPED["nodes"][1].update(role="master", epoch=6)
ACTED = {"operation_begin": {"id": 7}, "operation_step": {}, "operation_end": {}}
EVIDENCE = ["left is standby, in sync", "right was heard 3 s ago"]


def swap(number, epoch, **more):
    return dict({"id": number, "kind": "swap", "result": "done", "hand_over_epoch": epoch}, **more)


class Activate(Case):
    def verbs(self):
        return [verb for verb, _ in self.calls() if verb != "operation_step"]

    def test_it_becomes_master_and_reports(self):
        self.start(dict(ACTED, status=[SWAPPED, SWAPPED, SWAPPED, STATUS], activate={"epoch": 6}))
        self.expect(0, "activate", "--force", "--yes", "--reason", "fire")
        self.assertEqual(self.verbs(), ["activate", "operation_begin", "operation_end"])
        self.assertEqual(self.calls()[0][1], {"force": True, "reason": "fire"})

    def test_a_refused_one_changes_nothing(self):
        self.start(dict(ACTED, status=SWAPPED,
                        activate={"error": "Refused", "message": "the master is alive"}))
        self.assertIn("the master is alive", self.expect(3, "activate").stdout)
        self.assertEqual(self.verbs(), ["activate"])

    def test_a_master_is_left_alone_and_no_report_is_made(self):
        self.start(dict(ACTED, status=STATUS, activate={"epoch": 5}))
        for words in ((), ("--force", "--yes", "--reason", "fire"), ("--dry-run",)):
            done = self.expect(0, "activate", *words)
            self.assertEqual(done.stdout, "left is master already; nothing was done.\n")
        last = json.loads(self.expect(0, "activate", "--json").stdout)
        self.assertEqual((last["result"], last["operation"]), ("done", ""))
        self.assertEqual(self.calls(), [])

    def test_a_dry_run_tells_the_evidence_and_the_steps(self):
        self.start({"status": SWAPPED, "activate_check": {
            "would": "activate", "why": "", "epoch": 5, "evidence": EVIDENCE}})
        lines = self.expect(0, "activate", "--dry-run").stdout.splitlines()
        self.assertEqual(lines[1:4], ["It would be done.", "  " + EVIDENCE[0], "  " + EVIDENCE[1]])
        self.assertEqual(len([line for line in lines if line[0] == "["]), 5)
        told = [json.loads(line) for line in
                self.expect(0, "activate", "--dry-run", "--json").stdout.splitlines()]
        self.assertEqual(told[0]["answer"]["evidence"], EVIDENCE)
        self.assertEqual([line["state"] for line in told[1:-1]], ["planned"] * 5)
        self.assertEqual(told[-1]["result"], "planned")
        self.assertEqual(self.calls(), [])

    def test_a_dry_run_tells_the_refusal(self):
        self.start({"status": SWAPPED, "activate_check": {
            "would": "refuse", "why": "the peer is heard", "epoch": 5, "evidence": EVIDENCE}})
        self.assertIn("It would be refused: the peer is heard.\n  " + EVIDENCE[0],
                      self.expect(3, "activate", "--dry-run").stdout)
        told = [json.loads(line) for line in
                self.expect(3, "activate", "--force", "--dry-run", "--json").stdout.splitlines()]
        self.assertEqual([line.get("state") for line in told], ["failed", None])
        self.assertEqual(told[0]["answer"]["why"], "the peer is heard")
        self.assertEqual(told[-1]["result"], "refused")
        self.assertEqual(self.calls(), [])


class Undo(Case):
    def refused(self, *operations, epoch=5):
        status = copy.deepcopy(STATUS)
        status["nodes"][0]["epoch"] = epoch
        daemon = self.start({"status": status,
                             "operation_show": [{"operation": one} for one in operations]})
        said = self.expect(3, "undo").stderr
        daemon.kill()
        daemon.wait()
        return said

    def test_only_a_swap_that_was_done_can_be_taken_back(self):
        self.assertIn("There was no swap yet", self.refused(None))
        self.assertIn("The last operation was activate (done)",
                      self.refused({"id": 9, "kind": "activate", "result": "done"}, swap(8, 4)))
        self.assertIn("The last operation was swap (open)", self.refused(swap(9, 0, result="open")))
        self.assertIn("The last operation was swap (failed)",
                      self.refused(swap(9, 5, result="failed")))

    def test_what_changed_no_role_is_passed_over(self):
        self.start(dict(ACTED, status=STATUS, check={"ready": False, "checks": []}, operation_show=[
            {"operation": {"id": 9, "kind": "rejoin", "result": "done"}},
            {"operation": swap(8, None, result="undone")}, {"operation": None},
            {"operation": swap(6, 5)}]))
        self.assertIn("Swap of left", self.expect(3, "undo").stdout)
        self.assertEqual([verb for verb, _ in self.calls()], ["check"])

    def test_a_takeover_since_the_swap_is_told(self):
        self.assertIn("operation 6: it led to epoch 4, now it is 5", self.refused(swap(6, 4)))

    def test_a_master_that_only_restarted_can_be_taken_back(self):
        self.start({"status": STATUS, "operation_show": {"operation": swap(6, 3)},
                    "check": {"ready": False, "checks": []}})
        self.assertIn("Swap of left", self.expect(3, "undo").stdout)


class Wait(Case):
    def test_it_tells_programs_who_is_master(self):
        self.start({"status": STATUS})
        told = json.loads(self.expect(0, "wait", "--in-sync", "--json").stdout)
        self.assertEqual((told["ok"], told["master"], told["why"]), (True, "left", ""))
        self.assertIsInstance(told["took_ms"], int)
        self.assertEqual(self.expect(0, "wait", "--get", "/master").stdout, "left\n")
        self.assertEqual(self.expect(0, "wait").stdout, "")

    def test_it_tells_programs_what_is_missing(self):
        self.start({"status": STATUS})
        done = self.expect(1, "wait", "--master", "right", "--timeout", "50ms", "--json")
        told = json.loads(done.stdout)
        self.assertEqual((told["ok"], told["master"]), (False, None))
        self.assertEqual(told["why"], "left is master, not right")
        self.assertIn("After 50ms left is master, not right.", done.stderr)


class Words(Case):
    def test_the_daemon_speaks_of_verbs_and_the_reader_of_commands(self):
        for message, shown in {
                'there is no task "task_show"; see task_list':
                    'there is no task "task_show"; see task list',
                "queue_set: name is missing": "queue set: name is missing",
                "hand_over and task_export and no_verb": "hand-over and export and no_verb"}.items():
            daemon = self.start({"task_run": {"error": "NotFound", "message": message}})
            self.assertEqual(self.expect(6, "task", "run", "x").stderr, "roleswap: %s\n" % shown)
            daemon.kill()
            daemon.wait()


CONFIG = """
[pair]
name = "alpha"
key_file = "@/pair.key"
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


class NodeName(Case):
    def setUp(self):
        super().setUp()
        path = self.path / "roleswap.toml"
        path.write_text(CONFIG.replace("@", str(self.path)))
        self.env["ROLESWAP_CONFIG"] = str(path)
        del self.env["ROLESWAP_SOCKET"]

    def test_a_name_that_no_node_has_is_a_usage_error(self):
        self.start({"status": STATUS})
        self.env["ROLESWAP_NODE"] = "foo"
        for words in (("status",), ("init",), ("join",)):
            if words[0] == "join":
                (self.path / "pair.key").write_text("")
            said = self.expect(2, *words).stderr
            self.assertIn('ROLESWAP_NODE is wrong: no node "foo" in the configuration', said)
        self.assertFalse((self.path / "left").exists() or (self.path / "right").exists())
        del self.env["ROLESWAP_NODE"]
        self.assertIn("means no node in the configuration", self.expect(2, "status").stderr)
        self.env["ROLESWAP_NODE"] = "right"
        self.assertEqual(self.expect(0, "status", "--get", "/pair").stdout, "alpha\n")

    def test_a_daemon_is_found_without_a_configuration(self):
        del self.env["ROLESWAP_CONFIG"]
        self.env["ROLESWAP_NODE"] = "foo"
        said = self.roleswap("status").stderr
        self.assertNotIn("ROLESWAP_NODE", said)

    def test_init_makes_the_node_of_that_name_and_tells_how_the_daemon_knows_it(self):
        self.env["ROLESWAP_NODE"] = "right"
        said = self.expect(0, "init").stdout
        self.assertIn("Node right is the first of pair alpha.", said)
        self.assertIn("Environment=ROLESWAP_NODE=right", said)
        record = (self.path / "right" / "record").read_text()
        self.assertIn("epoch 2\nmaster second\nmode alone\n", record)  # even epochs are the second's
        self.assertFalse((self.path / "left").exists())

    def test_init_needs_no_hint_where_the_host_name_tells_the_node(self):
        host = socket.gethostname()
        path = self.path / "roleswap.toml"
        path.write_text(path.read_text().replace('name = "left"', 'name = "left"\nhosts = ["%s"]' % host))
        self.assertNotIn("ROLESWAP_NODE", self.expect(0, "init").stdout)
        self.assertIn("epoch 1\nmaster first\n", (self.path / "left" / "record").read_text())


if __name__ == "__main__":
    unittest.main()
