"""The runbook planned-swap: order of the verbs, and what is undone when a step fails."""
import copy
import json
import subprocess
import unittest

from daemon import Case, ROLESWAP, STATUS

SWAPPED = copy.deepcopy(STATUS)
SWAPPED["nodes"][0].update(role="standby")
SWAPPED["nodes"][1].update(role="master", epoch=6)

GOOD = {
    # Asked for the master, the standby, the scheduler and the drain limit before the hand-over.
    "status": [STATUS] * 4 + [SWAPPED],
    "check": {"ready": True, "checks": []},
    "operation_begin": {"id": 7}, "operation_step": {}, "operation_end": {},
    "queue_hold": {"held": ["default"]}, "queue_release": {"released": ["default"]},
    "scheduler_stop": {}, "scheduler_start": {},
    "drain": {"drained": True, "running": []},
    "pending": {"bytes": 0, "requests": 0, "state": "streaming"},
    "hand_over": {"epoch": 6, "master": "right", "took_ms": 48},
    "agent_list": {"agents": []},
}
FORWARD = ["check", "operation_begin", "queue_hold", "scheduler_stop", "drain", "pending",
           "hand_over", "scheduler_start", "queue_release", "operation_end"]
UNDO_ALL = ["scheduler_start", "queue_release", "operation_end"]
UNDO_HOLD = ["queue_release", "operation_end"]


def refused(verb):
    return dict(GOOD, **{verb: {"error": "Refused", "message": "no luck"}})


class PlannedSwap(Case):
    def swap(self, script, *words):
        self.start(script)
        return self.roleswap("swap", "--sync-wait", "200ms", *words)

    def verbs(self):
        return [verb for verb, _ in self.calls() if verb != "operation_step"]

    def result(self):
        return [args for verb, args in self.calls() if verb == "operation_end"][-1]["result"]

    def hook(self, folder, text):
        path = self.path / "hooks" / (folder + ".d")
        path.mkdir(parents=True)
        (path / "10-site").write_text("#!/bin/sh\n" + text)
        (path / "10-site").chmod(0o755)
        return path

    def test_steps_come_in_order_and_are_reported(self):
        done = self.swap(GOOD)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.verbs(), FORWARD)
        self.assertEqual(self.result(), "done")
        self.assertRegex(done.stdout, r"(?m)^\[ 9/15\] hand over \.+ ok \d+ ms$")
        self.assertIn("right is master, left is its standby", done.stdout)
        self.assertNotIn("\033", done.stdout)
        calls = dict(self.calls())
        self.assertEqual(calls["hand_over"], {"operation": 7})
        self.assertEqual(calls["queue_hold"], {"all": True, "save": True, "reason": "planned swap", "operation": 7})
        self.assertEqual(calls["queue_release"], {"all": True, "restore": True, "operation": 7})
        self.assertEqual(calls["scheduler_start"], {"operation": 7})
        self.assertEqual(calls["drain"], {"timeout_ms": 1000, "again_ms": 3000, "operation": 7})
        self.assertEqual(calls["operation_end"], {"id": 7, "result": "done", "operation": 7})
        steps = [(args["step"], args["state"]) for verb, args in self.calls()
                 if verb == "operation_step"]
        self.assertEqual(len(steps), 27)  # two for each step, one for opening the report
        self.assertEqual(steps[-1], ("verify", "done"))

    def test_a_step_that_the_report_lacks_is_told_and_ends_nothing(self):
        done = self.swap(refused("operation_step"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.result(), "done")
        self.assertRegex(done.stderr, r"(?m)^ +the report lacks \"hand_over done\": .*no luck")

    def test_an_agent_that_does_not_come_is_named_and_ends_nothing(self):
        agents = [{"name": "web1", "state": "connected"}, {"name": "web2", "state": "missing"}]
        done = self.swap(dict(GOOD, agent_list={"agents": agents}), "--agent-wait", "100ms")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.result(), "done")
        told = [args["detail"] for verb, args in self.calls()
                if verb == "operation_step" and args["step"] == "wait_agents" and args["state"] == "done"]
        self.assertEqual(told, ["missing after 100ms: web2"])

    def test_each_step_before_the_hand_over_is_undone_in_reverse_order(self):
        for verb, undone in {"queue_hold": UNDO_HOLD, "scheduler_stop": UNDO_ALL,
                             "drain": UNDO_ALL, "pending": UNDO_ALL, "hand_over": UNDO_ALL}.items():
            with self.subTest(verb):
                done = self.swap(refused(verb))
                self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
                before = FORWARD[:FORWARD.index(verb) + 1]
                self.assertEqual(self.verbs(), before + undone)
                self.assertEqual(self.result(), "undone")
                self.assertIn("no luck", done.stdout)
                self.assertIn("Nothing has changed: left is master", done.stdout)
                self.doCleanups()
                self.setUp()

    def test_tasks_that_do_not_end_and_a_lag_that_stays_end_the_swap(self):
        busy = dict(GOOD, drain={"drained": False, "running": [{"run": 1, "task": "backup"}]})
        busy["status"] = [dict(STATUS, drain_timeout_ms=100)] * 5
        done = self.swap(busy)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.verbs()[-3:], UNDO_ALL)
        self.assertIn("1 running: backup", done.stdout)

    def test_nothing_is_begun_when_the_pair_is_not_ready(self):
        done = self.swap(dict(GOOD, check={"ready": False, "checks": []}))
        self.assertEqual(done.returncode, 3)
        self.assertEqual(self.verbs(), ["check"])
        self.doCleanups()
        self.setUp()
        self.assertEqual(self.swap(refused("operation_begin")).returncode, 3)
        self.assertEqual(self.verbs(), ["check", "operation_begin"])

    def test_after_the_hand_over_it_only_goes_forward(self):
        for verb in ("scheduler_start", "queue_release"):
            with self.subTest(verb):
                done = self.swap(refused(verb))
                self.assertEqual(done.returncode, 1)
                self.assertEqual(self.verbs(), FORWARD)
                self.assertEqual(self.result(), "failed")
                self.assertIn("The roles have changed", done.stdout)
                self.doCleanups()
                self.setUp()

    def test_a_lost_answer_to_the_hand_over_asks_for_the_roles(self):
        done = self.swap(dict(GOOD, hand_over={"error": "Unreachable", "message": "gone"}))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.verbs(), FORWARD)

    def test_a_failed_hand_over_with_the_roles_unchanged_is_undone(self):
        script = dict(GOOD, hand_over={"error": "Failed", "message": "freeze failed"})
        done = self.swap(dict(script, status=[STATUS]))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.verbs()[-3:], UNDO_ALL)

    def test_a_scheduler_that_was_stopped_stays_stopped(self):
        stopped = copy.deepcopy(STATUS)
        stopped["scheduler"] = {"state": "stopped", "reason": "by hand"}
        done = self.swap(dict(GOOD, status=[stopped] * 4 + [SWAPPED]))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("scheduler_stop", self.verbs())
        self.assertNotIn("scheduler_start", self.verbs())
        self.assertIn("skipped: was stopped before", done.stdout)

    def test_hooks_run_and_a_failing_one_before_ends_the_swap(self):
        self.hook("pre-swap", "echo no disk; exit 5")
        done = self.swap(GOOD)
        self.assertEqual(done.returncode, 1)
        self.assertIn("10-site ended with exit code 5", done.stdout)
        self.assertEqual(self.verbs(), ["check", "operation_begin", "operation_end"])
        self.assertEqual(self.result(), "undone")

    def test_a_failing_hook_after_it_is_told(self):
        self.hook("post-swap", "exit 1")
        done = self.swap(GOOD)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.verbs(), FORWARD)
        self.assertEqual(self.result(), "failed")

    def test_a_signal_before_the_hand_over_undoes_everything(self):
        # The hook stops the runbook itself, at a known step: $PPID is the runbook.
        script = self.hook("pre-swap", 'kill -TERM "$PPID"')
        done = self.swap(GOOD)
        self.assertEqual(done.returncode, 143, done.stdout)
        self.assertEqual(self.verbs(), ["check", "operation_begin", "operation_end"])
        self.assertTrue(script.exists())

    def test_a_signal_ends_a_long_wait_at_once(self):
        text = self.stopped_in_drain()
        self.assertIn("Undoing what was done:\n        stop_scheduler: undone\n"
                      "        hold_queues: undone\n", text)
        self.assertTrue(text.endswith("Nothing has changed: left is master.  stopped by a signal\n"))

    def test_a_signal_leaves_the_result_for_programs(self):
        lines = [json.loads(line) for line in self.stopped_in_drain("--json").splitlines()]
        self.assertEqual([line["state"] for line in lines[-3:-1]], ["undone", "undone"])
        self.assertEqual(lines[-1]["result"], "undone")
        self.assertEqual(lines[-1]["why"], "stopped by a signal")

    def stopped_in_drain(self, *words):
        """What a swap says that gets SIGTERM while it waits for a task."""
        busy = dict(GOOD, drain={"drained": False, "running": [{"run": 1, "task": "backup"}]},
                    status=[dict(STATUS, drain_timeout_ms=3600000)])
        self.start(busy)
        swap = subprocess.Popen([ROLESWAP, "swap", *words], env=self.env, stdout=subprocess.PIPE,
                                text=True)
        self.addCleanup(swap.stdout.close)
        while "drain" not in self.verbs():
            self.assertIsNone(swap.poll())
        swap.terminate()
        text = swap.communicate(timeout=30)[0]
        self.assertEqual(swap.returncode, 143)
        self.assertEqual(self.verbs()[-3:], UNDO_ALL)
        return text

    def test_a_dry_run_changes_nothing(self):
        done = self.swap(GOOD, "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.verbs(), [])
        self.assertEqual(len([line for line in done.stdout.splitlines() if line[0] == "["]), 15)

    def test_a_dry_run_prints_its_steps_for_programs_too(self):
        lines = [json.loads(line) for line in self.swap(GOOD, "--dry-run", "--json").stdout.splitlines()]
        self.assertEqual(self.verbs(), [])
        self.assertEqual([line["state"] for line in lines[:-1]], ["planned"] * 15)
        self.assertEqual(lines[8]["step"], "hand_over")
        self.assertEqual({key: lines[-1][key] for key in ("result", "operation", "why")},
                         {"result": "planned", "operation": "", "why": ""})

    def test_json_prints_one_object_per_step(self):
        done = self.swap(GOOD, "--json")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(lines), 16)
        self.assertEqual(lines[8]["step"], "hand_over")
        self.assertEqual(lines[-1]["result"], "done")
        self.assertEqual(lines[-1]["operation"], "7")

    def test_undo_is_the_same_the_other_way_round(self):
        shown = {"operation": {"id": 6, "kind": "swap", "result": "done"}}
        self.start(dict(GOOD, operation_show=shown))
        self.expect(0, "undo")
        self.assertEqual(self.verbs(), FORWARD)

    def test_a_drill_is_reported_as_one(self):
        self.assertEqual(self.swap(GOOD, "--reason", "drill").returncode, 0)
        self.assertEqual(dict(self.calls())["operation_begin"]["kind"], "drill")

    def test_a_drill_is_undone_by_a_swap(self):
        self.start(dict(GOOD, operation_show={"operation": {"kind": "drill", "result": "done"}}))
        self.expect(0, "undo")
        self.assertEqual(dict(self.calls())["operation_begin"]["kind"], "swap")

    def test_a_bad_option_ends_before_anything(self):
        self.start(GOOD)
        self.assertIn("there is no option --nonsense", self.expect(2, "swap", "--", "--nonsense").stderr)
        self.assertEqual(self.verbs(), [])


class Others(Case):
    def test_the_master_itself_does_not_rejoin(self):
        self.start(dict(GOOD, status=[STATUS]))
        self.assertIn("left is the master", self.expect(3, "rejoin").stdout)
        self.assertEqual(self.calls(), [])

    def test_a_rejoin_without_a_master_says_why_the_node_cannot_follow(self):
        alone = copy.deepcopy(STATUS)
        alone["nodes"][0].update(role="undecided")
        self.start(dict(GOOD, status=[alone],
                        rejoin={"error": "Refused", "message": "the peer is not heard"}))
        said = self.expect(3, "rejoin").stdout
        self.assertIn("skipped: none is seen from here", said)
        self.assertIn("Nothing has changed.  begin to follow it: roleswap: the peer is not heard", said)

    def test_a_dry_run_of_rejoin_changes_nothing(self):
        self.start(dict(GOOD, status=[SWAPPED]))
        lines = self.expect(0, "rejoin", "--dry-run", "--json").stdout.splitlines()
        self.assertEqual([json.loads(line)["state"] for line in lines[:-1]], ["planned"] * 5)
        self.assertEqual(json.loads(lines[-1])["result"], "planned")
        self.assertEqual(self.calls(), [])

    def test_rejoin_follows_until_in_sync(self):
        self.start(dict(GOOD, status=[SWAPPED], rejoin={"state": "following"}))
        self.expect(0, "rejoin")
        verbs = [verb for verb, _ in self.calls() if verb != "operation_step"]
        self.assertEqual(verbs, ["rejoin", "operation_begin", "operation_end"])


if __name__ == "__main__":
    unittest.main()
