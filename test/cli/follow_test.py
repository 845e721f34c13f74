"""Runs followed, ended and repeated, and files of tasks, against a scripted daemon."""
import json
import unittest

from daemon import Case

RUN = {"id": 17, "task": "load", "state": "running", "attempt": 1, "node": "left", "why": ""}


def news(output="", over=False, lost=0, **run):
    return {"run": dict(RUN, **run), "over": over, "output": output, "from": 0, "next": len(output), "lost": lost,
            "bytes": len(output)}


def refused(code):
    return {"error": code, "message": "because " + code}


class Follow(Case):
    def follow(self, code, answers, *words):
        daemon = self.start({"run_output": answers})
        done = self.expect(code, "run", "follow", *(words or ("load",)))
        daemon.kill()
        daemon.wait()
        return done

    def test_output_goes_to_standard_output_and_news_to_standard_error(self):
        done = self.follow(3, [news("a\n", state="queued", queue="slow", why="after left"), news("b\n"),
                               news("c", attempt=2, why="exit code 1; attempt 2 follows"),
                               news("d\n", attempt=2, node="right"),
                               news("", True, attempt=2, node="right", state="failed", exit_code=3, why="exit code 3",
                                    started_at="2026-11-27T10:00:00.000Z", ended_at="2026-11-27T10:00:05.000Z")])
        self.assertEqual(done.stdout, "a\nb\ncd\n")
        self.assertEqual(done.stderr, "roleswap: run 17 of load waits in queue slow: after left\n"
                         "roleswap: run 17 of load: attempt 1: exit code 1; attempt 2 follows\n"
                         "roleswap: run 17 of load goes on at right\n"
                         "roleswap: run 17 of load on right: failed after 5.0 s: exit code 3\n")

    def test_each_question_says_what_is_known(self):
        self.follow(0, [news("abc"), news("", True, state="ok")])
        self.assertEqual([args for _, args in self.calls()],
                         [{"task": "load", "timeout_ms": 2000},
                          {"id": 17, "attempt": 1, "state": "running", "from": 3, "timeout_ms": 2000}])

    def test_the_exit_code_is_that_of_the_run(self):
        for code, run in ((0, {"state": "ok", "exit_code": 0}), (42, {"state": "failed", "exit_code": 42}),
                          (137, {"state": "killed", "signal": 9}), (124, {"state": "timeout", "signal": 15}),
                          (1, {"state": "interrupted"}), (1, {"state": "skipped"})):
            self.follow(code, [news("", True, **run)])

    def test_a_master_that_is_away_is_waited_for(self):
        done = self.follow(0, [news("a\n"), refused("NotMaster"), refused("Unreachable"), refused("Failed"),
                               refused("Refused"), news("b\n", attempt=2, node="right"),
                               news("", True, attempt=2, node="right", state="ok")])
        self.assertEqual(done.stdout, "a\nb\n")
        self.assertIn("goes on at right", done.stderr)
        for error, code in (("NotFound", 6), ("Denied", 5), ("BadArgument", 2)):
            self.assertIn("because", self.follow(code, [news("a\n"), refused(error)]).stderr)

    def test_what_is_left_out_is_told_and_the_tail_is_cut_in_lines(self):
        done = self.follow(0, [news("1\n2\n3\n", lost=99), news("4\n", True, state="ok")], "17", "-n", "2")
        self.assertEqual(done.stdout, "2\n3\n4\n")
        self.assertIn("99 bytes of output are left out", done.stderr)
        self.start({"run_output": news("1\n2\n3", lost=7)})
        for words, text in ((("-n", "0"), ""), (("-n", "1"), "3"), (("-n", "2"), "2\n3"), (("-n", "9"), "1\n2\n3"),
                            ((), "1\n2\n3")):
            self.assertEqual(self.expect(0, "run", "output", "load", *words).stdout, text)

    def test_what_a_flood_leaves_out_is_told_in_sum(self):
        done = self.follow(0, [news("a\n", lost=3)] * 40 + [news("", True, state="ok")])
        told = [int(line.split()[1]) for line in done.stderr.splitlines() if "left out" in line]
        self.assertEqual(sum(told), 120)
        self.assertLess(len(told), 20)

    def test_programs_get_one_object_in_a_line(self):
        done = self.follow(0, [news("a\n"), news("b\n", True, state="ok")], "load", "--json")
        self.assertEqual([json.loads(line)["output"] for line in done.stdout.splitlines()], ["a\n", "b\n"])
        self.assertEqual(done.stderr, "")

    def test_runs_that_are_begun_or_repeated_can_be_followed_at_once(self):
        self.start({"task_run": {"id": 17, "state": "running"}, "run_again": {"id": 18, "state": "queued"},
                    "run_output": news("x\n", True, state="failed", exit_code=5)})
        self.assertEqual(self.expect(5, "task", "run", "load", "--follow").stdout, "x\n")
        self.assertEqual(self.expect(5, "run", "again", "17", "--follow").stdout, "x\n")
        self.assertEqual(self.expect(0, "run", "again", "17").stdout,
                         "Run 18, which repeats run 17, is queued.\n")
        self.assertEqual([args.get("id") for verb, args in self.calls() if verb == "run_output"], [17, 18])


class Files(Case):
    DIFF = {"added": ["new"], "changed": ["old"], "removed": ["gone"], "same": 1, "others": 2,
            "fields": {"new": [{"field": "command", "old": "", "new": "a\nb"}],
                       "old": [{"field": "timeout_ms", "old": 0, "new": 90000},
                               {"field": "after", "old": [], "new": ["a", "b:any"]},
                               {"field": "environment.A", "old": "1", "new": None}]}}
    SAME = {"added": [], "changed": [], "removed": [], "same": 3, "others": 0}
    TOML = '[[task]]\nname = "a"\nschedule = "@daily"\ncommand = "true"\n'

    def test_diff_shows_each_field_and_ends_like_diff(self):
        daemon = self.start({"task_apply": self.DIFF})
        self.assertEqual(self.expect(1, "diff", "-", stdin=self.TOML).stdout, (
            '+ new\n    command = "a\\nb"\n~ old\n    timeout: "0s" -> "1m30s"\n'
            '    after: [] -> ["a", "b:any"]\n    environment.A: "1" -> nothing\n- gone\n'
            '1 added, 1 changed, 1 removed, 1 unchanged\n'
            '2 tasks not in the file stay; --remove-others removes them\n'))
        self.assertEqual(json.loads(self.expect(1, "--json", "diff", "-", stdin=self.TOML).stdout), self.DIFF)
        self.assertEqual(self.calls()[0][1], {"toml": self.TOML, "dry_run": True, "remove_others": False})
        daemon.kill()
        daemon.wait()
        self.start({"task_apply": self.SAME})
        self.assertEqual(self.expect(0, "diff", "-", stdin=self.TOML).stdout,
                         "No change: 3 tasks as in the file\n")
        self.expect(2, "diff", "/does/not/exist")

    def test_a_fault_that_the_daemon_finds_has_the_path_of_the_file(self):
        self.start({"task_apply": {"error": "BadArgument", "message": "roleswap apply: toml:4:9: a circle"}})
        path = self.path / "tasks.toml"
        path.write_text(self.TOML)
        self.assertEqual(self.expect(2, "apply", str(path)).stderr, "roleswap: %s:4:9: a circle\n" % path)

    def test_an_export_may_name_its_tasks(self):
        self.start({"task_export": {"toml": self.TOML + "\n" + self.TOML.replace('"a"', '"b"')}})
        self.assertEqual(self.expect(0, "export", "b").stdout, self.TOML.replace('"a"', '"b"'))
        self.assertIn('no task "c"', self.expect(6, "export", "b", "c").stderr)


if __name__ == "__main__":
    unittest.main()
