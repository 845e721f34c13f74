"""roleswap memory against a scripted daemon: what is sent, printed and answered by exit codes."""
import unittest

from daemon import Case

REPORT = {"items": 3, "done": 1, "begun": 0, "in_doubt": 1, "failed": 1, "skipped": 0, "repeated": 0,
          "values": 1, "doubtful": [{"item": "b", "state": "in doubt", "attempt": 1, "node": "left",
                                     "begun_at": "2026-11-22T15:04:05.678Z", "doubts": 0}]}
LIST = {"run": 5, "memory": REPORT, "values": [{"key": "k", "value": "v"}], "items": [
    {"item": "a", "state": "done", "attempt": 1, "node": "left", "doubts": 0,
     "begun_at": "2026-11-22T15:04:05.678Z", "done_at": "2026-11-22T15:04:06.678Z"},
    REPORT["doubtful"][0]]}


class InTask(Case):
    def setUp(self):
        super().setUp()
        self.env.update(ROLESWAP_RUN="5", ROLESWAP_TOKEN="abc")

    def test_the_exit_codes_tell_a_script_what_to_do(self):
        self.start({"memory": {"d": "done", "s": "skipped", "x": "in doubt", "f": "failed"}})
        for code, state, words in ((0, "begun", ("begin", "new")), (0, "begun", ("begin", "f")),
                                   (3, "done", ("begin", "d")), (3, "skipped", ("begin", "s")),
                                   (7, "in doubt", ("begin", "x")), (7, "in doubt", ("seen", "x")),
                                   (0, "done", ("seen", "d")), (0, "skipped", ("seen", "s")),
                                   (1, "never", ("seen", "no")), (1, "begun", ("seen", "new")),
                                   (0, "done", ("done", "new")), (0, "failed", ("fail", "f")),
                                   (0, "begun", ("begin", "--in-doubt", "redo", "x"))):
            self.assertEqual(self.expect(code, "memory", *words).stdout, state + "\n", words)
        self.assertEqual(self.calls()[0], ("memory_begin", {
            "run": 5, "token": "abc", "items": ["new"], "in_doubt": "hold"}))

    def test_values_are_kept_printed_and_taken_away(self):
        self.start({"memory_get": [{"value": "two\nlines"}, {"value": None}], "memory_set": {}})
        self.assertEqual(self.expect(0, "memory", "get", "k").stdout, "two\nlines\n")
        self.assertIn("keeps no value k", self.expect(6, "memory", "get", "k").stderr)
        self.expect(0, "memory", "set", "k", "")
        self.expect(0, "memory", "set", "k")
        self.assertEqual([args["value"] for verb, args in self.calls() if verb == "memory_set"], ["", None])

    def test_the_list_of_the_own_run_needs_no_number(self):
        self.start({"memory_list": LIST})
        self.assertIn("1 done, 1 in doubt, 1 failed, 1 values", self.expect(0, "memory", "list").stdout)
        self.assertEqual(self.calls()[0][1], {"run": 5, "token": "abc", "limit": 1000})

    def test_what_is_no_item_is_refused_by_its_limit(self):
        self.start({})
        for item, text in (("", "has 0 bytes; allowed are 1 to 2048"), ("x" * 2049, "has 2049 bytes"),
                           (b"\xff\xfe", "not valid UTF-8")):
            self.assertIn(text, self.expect(2, "memory", "done", item).stderr)
        self.assertEqual(self.calls(), [])

    def test_a_wrong_token_is_told(self):
        self.start({"memory_begin": {"error": "Denied", "message": "not the token"}})
        self.assertIn("not the token", self.expect(5, "memory", "begin", "a").stderr)


class Outside(Case):
    def test_outside_of_a_task_it_says_so(self):
        self.start({})
        for words in (("memory", "begin", "a"), ("memory", "done", "a"), ("memory", "seen", "a"),
                      ("memory", "get", "a"), ("memory", "set", "a", "b"), ("memory", "list"),
                      ("each", "-", "--", "true")):
            told = self.expect(2, *words).stderr
            self.assertIn("works inside a task only: ROLESWAP_RUN and ROLESWAP_TOKEN are not set", told)
        self.env.update(ROLESWAP_RUN="5x", ROLESWAP_TOKEN="abc")
        self.assertIn('ROLESWAP_RUN is "5x"', self.expect(2, "memory", "seen", "a").stderr)
        self.assertEqual(self.calls(), [])

    def test_an_operator_lists_and_decides(self):
        self.start({"memory_show": LIST, "memory_resolve": {"decision": "redo"}})
        told = self.expect(0, "memory", "list", "5", "--state", "doubtful").stdout
        self.assertRegex(told, r"b +in doubt +1 +left")
        self.assertRegex(told, r"k +v")
        self.assertIn('Item "b" of run 5 is to be done again.',
                      self.expect(0, "memory", "resolve", "5", "b", "redo").stdout)
        self.assertEqual(self.calls(), [
            ("memory_show", {"id": 5, "limit": 1000, "state": "doubtful"}),
            ("memory_resolve", {"id": 5, "item": "b", "decision": "redo"})])
        self.expect(2, "memory", "resolve", "5", "b", "maybe")

    def test_run_show_tells_the_memory_of_the_run(self):
        self.start({"run_show": {"run": {"id": 5, "task": "t", "memory": REPORT, "output": "hello\n"}}})
        told = self.expect(0, "run", "show", "5").stdout
        self.assertIn("1 done, 1 in doubt, 1 failed, 1 values", told)
        self.assertRegex(told, r"Items that are or were in doubt:\n.*\nb +in doubt")
        self.assertNotIn("doubtful", told)


if __name__ == "__main__":
    unittest.main()
