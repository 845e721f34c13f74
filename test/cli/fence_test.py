"""The fence commands against a scripted daemon."""
import os
import pty
import subprocess
import unittest

from daemon import Case, ROLESWAP

STATUS = {"kind": "agent", "device": "fence_ipmilan", "peer": "right", "state": "idle", "attempt": 0,
          "step": "", "look": {"power": "on", "why": "exit code 0", "age_ms": 12000},
          "last": {"result": "failed", "why": "off: exit code 1: locked", "took_ms": 2100,
                   "age_ms": 60000, "steps": ["attempt 1: off: exit code 1: locked (40 ms)"]},
          "delay_ms": 2000, "timeout_ms": 60000}
LOOK = {"device": "fence_ipmilan", "peer": "right", "really": False, "ok": True, "power": "on",
        "why": "exit code 0", "took_ms": 212}
REALLY = {"device": "fence_ipmilan", "peer": "right", "really": True, "ok": True,
          "why": "fence_ipmilan says that right is off", "took_ms": 812,
          "steps": ["attempt 1: off: exit code 0 (600 ms)", "attempt 1: status: off (exit code 2) (200 ms)"]}


class Fence(Case):
    def on_terminal(self, typed, *words):
        """As a person would: standard input is a terminal."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        os.write(master, typed.encode())
        try:
            return subprocess.run([ROLESWAP, *words], env=self.env, stdin=slave,
                                  capture_output=True, text=True, timeout=60)
        finally:
            os.close(slave)

    def test_status_tells_the_device_and_what_it_did_last(self):
        self.start({"fence_status": STATUS})
        out = self.expect(0, "fence", "status").stdout
        for text in ("Device   fence_ipmilan (agent)", "Switches right", "Power    on, 12",
                     "Last     failed after 2.1", "attempt 1: off: exit code 1: locked (40 ms)"):
            self.assertIn(text, out)

    def test_a_waiting_human_is_told_the_command(self):
        self.start({"fence_status": dict(STATUS, kind="meatware", device="meatware",
                                         state="waiting for a human", look=None, last=None)})
        self.assertIn("roleswap fence confirm", self.expect(0, "fence", "status").stdout)

    def test_without_a_fence_it_says_so(self):
        self.start({"fence_status": {"kind": "none"}})
        self.assertEqual(self.expect(0, "fence", "status").stdout, "No fence is configured.\n")
        for words in (("test",), ("test", "--really", "--yes"), ("confirm", "--yes")):
            self.assertIn("no fence is configured", self.expect(3, "fence", *words).stderr)
        self.assertEqual(self.calls(), [])

    def test_a_test_switches_nothing_and_says_what_it_would_do(self):
        self.start({"fence_status": STATUS, "fence_test": LOOK})
        out = self.expect(0, "fence", "test").stdout
        self.assertIn("fence_ipmilan answers: on in 212", out)
        self.assertIn("Nothing was switched.", out)
        self.assertEqual(self.calls(), [("fence_test", {"really": False})])

    def test_a_device_that_does_not_answer_is_a_failure(self):
        self.start({"fence_status": STATUS,
                    "fence_test": dict(LOOK, ok=False, power="no answer", why="exit code 1")})
        self.assertIn("does not answer", self.expect(1, "fence", "test").stdout)

    def test_really_asks_for_the_name_of_the_node(self):
        self.start({"fence_status": STATUS, "fence_test": REALLY})
        self.expect(2, "fence", "test", "--really")  # nobody can be asked
        done = self.on_terminal("left\n", "fence", "test", "--really")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertEqual(self.calls(), [])
        done = self.on_terminal("right\n", "fence", "test", "--really")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("right is switched off now by fence_ipmilan", done.stdout)
        self.assertIn("attempt 1: off: exit code 0 (600 ms)", done.stdout)
        self.assertIn("right is off: fence_ipmilan says that right is off", done.stdout)
        self.assertEqual(self.calls(), [("fence_test", {"really": True})])

    def test_really_that_is_not_confirmed_is_a_failure(self):
        self.start({"fence_status": STATUS, "fence_test": dict(REALLY, ok=False, why="off: locked")})
        self.assertIn("right is not confirmed to be off: off: locked",
                      self.expect(1, "fence", "test", "--really", "--yes").stdout)

    def test_a_human_confirms_with_the_name_of_the_node(self):
        self.start({"fence_status": STATUS, "fence_confirm": {"peer": "right"}})
        self.expect(2, "fence", "confirm")
        self.assertEqual(self.on_terminal("yes\n", "fence", "confirm").returncode, 3)
        self.assertEqual(self.calls(), [])
        self.assertEqual(self.on_terminal("right\n", "fence", "confirm").returncode, 0)
        self.assertEqual(self.expect(0, "fence", "confirm", "--yes").stdout, "Noted: right is off.\n")
        self.assertEqual(self.calls(), 2 * [("fence_confirm", {"name": "right"})])

    def test_a_refusal_of_the_daemon_has_its_exit_code(self):
        self.start({"fence_status": STATUS,
                    "fence_confirm": {"error": "Refused", "message": "no fence is under way"}})
        self.assertIn("no fence is under way",
                      self.expect(3, "fence", "confirm", "--yes").stderr)


if __name__ == "__main__":
    unittest.main()
