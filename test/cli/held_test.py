"""roleswap held, pause-all and resume-all against a scripted daemon: what is sent and printed."""
import unittest

from daemon import Case, fixture

LEFT = {"runs": 5, "tasks": 2, "released": 2, "rate": "10/s", "outage": None}


class Held(Case):
    def test_the_list_tells_what_would_run_and_why_it_does_not(self):
        self.start({"held_list": fixture("held")})
        told = self.expect(0, "held", "list", "re*", "backup", "--limit", "2").stdout
        for text in ("41  backup  2026-11-20 03:15:00", "released", "nobody scheduled between",
                     "... and 5 more: --limit", "7 runs of 3 tasks", "rate 30/m"):
            self.assertIn(text, told)

    def test_a_release_says_how_many_at_which_rate_and_what_stays(self):
        self.start({"held_release": [dict(LEFT, changed=2), dict(LEFT, changed=1, rate=None, runs=2)]})
        self.assertEqual(self.expect(0, "held", "release", "a*", "--rate", "30/m").stdout,
                         "2 runs released, they start at 10/s; 3 stay held.\n")
        self.assertEqual(self.expect(0, "held", "release", "--all").stdout,
                         "1 run released; none is held any more.\n")
        self.assertEqual(self.calls(), [("held_release", {"patterns": ["a*"], "rate": "30/m"}),
                                        ("held_release", {"all": True})])

    def test_held_runs_are_dropped_and_taken_back(self):
        self.start({"held_drop": dict(LEFT, changed=4), "held_keep": dict(LEFT, changed=1)})
        self.assertIn("4 runs dropped", self.expect(0, "held", "drop", "--all").stdout)
        self.assertIn("1 run taken back", self.expect(0, "held", "keep", "x").stdout)
        self.assertEqual(self.calls(), [("held_drop", {"all": True}),
                                        ("held_keep", {"patterns": ["x"]})])

    def test_nothing_is_released_that_was_not_named(self):
        self.start({})
        for words in (("release",), ("drop",), ("keep",), ("release", "a", "--all")):
            self.assertIn("say --all", self.expect(2, "held", *words).stderr)
        self.assertEqual(self.calls(), [])


class Pause(Case):
    def test_a_pause_takes_its_reason_and_says_how_it_ends(self):
        self.start({"pause_all": {"paused": {}}, "resume_all": {"paused": None}})
        self.assertIn("resume-all", self.expect(0, "pause-all", "--reason", "power work").stdout)
        self.assertIn("over", self.expect(0, "resume-all").stdout)
        self.assertEqual(self.calls(), [("pause_all", {"reason": "power work"}), ("resume_all", {})])


class Priority(Case):
    def test_a_priority_may_be_below_zero(self):
        self.start({"task_add": {}})
        self.expect(0, "task", "add", "a", "--schedule", "@daily", "--command", "x", "--priority", "-5")
        self.assertEqual(self.calls()[0][1]["task"]["priority"], -5)


if __name__ == "__main__":
    unittest.main()
