"""roleswap each against a scripted daemon that keeps a memory: what is run, told and left."""
import json
import unittest

from daemon import Case


class Each(Case):
    def setUp(self):
        super().setUp()
        self.env.update(ROLESWAP_RUN="5", ROLESWAP_TOKEN="abc", OUT=str(self.path / "out"))
        (self.path / "out").write_text("")

    def run_each(self, code, options, items, command=("sh", "-c", 'echo "$1" >>"$OUT"', "sh", "{}")):
        return self.expect(code, "each", *options, "-", "--", *command, stdin=items)

    def out(self):
        return (self.path / "out").read_text().splitlines()

    def test_each_item_is_begun_run_and_done(self):
        self.start({})
        told = self.run_each(0, (), "a\nb c\n\nd")
        self.assertEqual(self.out(), ["a", "b c", "d"])
        self.assertEqual(told.stdout, "3 items: 3 done now, 0 before, 0 failed, 0 skipped, 0 in doubt\n")
        calls = self.calls()
        self.assertEqual([verb for verb, _ in calls], ["memory_seen"] + ["memory_begin"] * 4)
        for verb, args in calls:
            self.assertEqual((args["run"], args["token"]), (5, "abc"))
        # One commit for the end of one and the begin of the next.
        self.assertEqual([(args["items"], args["done"]) for _, args in calls[1:]],
                         [(["a"], []), (["b c"], ["a"]), (["d"], ["b c"]), ([], ["d"])])

    def test_items_that_are_done_are_not_run_again(self):
        self.start({"memory": {"a": "done", "c": "skipped", "d": "failed"}})
        told = json.loads(self.run_each(0, ("--json",), "a\nb\nc\nd\n").stdout)
        self.assertEqual(self.out(), ["b", "d"])
        self.assertEqual((told["done"], told["done_before"], told["skipped"]), (2, 1, 1))

    def test_brackets_and_braces_reach_the_program_as_they_are(self):
        self.start({})
        self.run_each(0, (), "x\n", ("sh", "-c", 'printf "%s\\n" "$@" >>"$OUT"', "sh", "[a,{}]", "[]", "{}", "%%", ""))
        self.assertEqual(self.out(), ["[a,x]", "[]", "x", "%%", ""])

    def test_without_a_program_it_is_a_usage_error(self):
        for words in (("each", "-"), ("each", "-", "--"), ("each", "-", "echo")):
            self.assertIn("--", self.expect(2, *words).stderr)

    def test_an_item_in_doubt_follows_the_policy(self):
        for policy, code, ran, text in (("redo", 0, ["a", "x", "b"], "3 done now"),
                                        ("skip", 0, ["a", "b"], "1 skipped"),
                                        ("hold", 7, ["a", "b"], "1 in doubt")):
            with self.subTest(policy):
                (self.path / "out").write_text("")
                (self.path / "ctl").unlink(missing_ok=True)
                daemon = self.start({"memory": {"x": "in doubt"}})
                told = self.run_each(code, ("--in-doubt", policy), "a\nx\nb\n")
                self.assertEqual(self.out(), ran)
                self.assertIn(text, told.stdout)
                self.assertEqual('"x" is in doubt' in told.stderr, policy == "hold")
                daemon.kill()
                daemon.wait()

    def test_a_line_that_comes_again_is_the_same_item(self):
        self.start({})
        told = self.run_each(0, (), "a\nb\na\na\n")
        self.assertEqual(self.out(), ["a", "b"])
        self.assertIn("2 items: 2 done now", told.stdout)
        self.assertIn("2 repeated lines left out", told.stdout)

    def test_a_failing_command_stops_the_loop_and_is_no_doubt(self):
        self.start({})
        fails = ("sh", "-c", 'echo {} >>"$OUT"; test {} != b')
        told = self.run_each(1, (), "a\nb\nc\n", fails)
        self.assertEqual(self.out(), ["a", "b"])
        self.assertIn('"b": exit code 1', told.stderr)
        self.assertEqual(self.calls()[-1][1]["failed"], ["b"])
        (self.path / "out").write_text("")
        self.run_each(0, (), "a\nb\nc\n")  # the next attempt
        self.assertEqual(self.out(), ["b", "c"])

    def test_keep_going_does_the_others(self):
        self.start({})
        self.run_each(1, ("--keep-going",), "a\nb\nc\n", ("sh", "-c", 'echo {} >>"$OUT"; test {} != b'))
        self.assertEqual(self.out(), ["a", "b", "c"])

    def test_what_a_signal_ended_is_left_in_doubt(self):
        self.start({})
        for command, why in ((("sh", "-c", "kill -9 $$"), "signal 9"), (("sh", "-c", "exit 137"), "exit code 137")):
            told = self.run_each(1, (), why, command)
            self.assertIn(why + ": whether it was done is not known", told.stderr)
        for verb, args in self.calls():
            if verb == "memory_begin":
                self.assertEqual((args["done"], args["failed"]), ([], []))

    def test_jobs_run_side_by_side_and_share_calls(self):
        self.start({})
        # Each waits for the other three: it ends only if four run at once.
        meet = ('touch "$OUT.$ROLESWAP_ITEM"; until [ -e "$OUT.1" ] && [ -e "$OUT.2" ] && '
                '[ -e "$OUT.3" ] && [ -e "$OUT.4" ]; do sleep 0.01; done; echo $ROLESWAP_ITEM >>"$OUT"')
        self.run_each(0, ("--jobs", "4"), "1\n2\n3\n4\n", ("sh", "-c", meet))
        self.assertEqual(sorted(self.out()), ["1", "2", "3", "4"])
        self.assertEqual([args["items"] for verb, args in self.calls() if verb == "memory_begin"][0],
                         ["1", "2", "3", "4"])

    def test_items_that_end_with_nul_may_hold_newlines(self):
        self.start({})
        self.run_each(0, ("-0",), "a\nb\0c\0", ("sh", "-c", 'printf "%s|" "$ROLESWAP_ITEM" >>"$OUT"'))
        self.assertEqual(self.out(), ["a", "b|c|"])

    def test_a_file_is_read_and_braces_are_replaced_inside_words(self):
        self.start({})
        (self.path / "list").write_text("one\n{}\n")
        self.expect(0, "each", str(self.path / "list"), "--", "sh", "-c", 'echo "$@" >>"$OUT"', "sh", "x{}y{}")
        self.assertEqual(self.out(), ["xoneyone", "x{}y{}"])

    def test_the_commands_find_an_empty_standard_input(self):
        self.start({})
        self.run_each(0, (), "a\nb\n", ("sh", "-c", 'cat >>"$OUT"; echo {} >>"$OUT"'))
        self.assertEqual(self.out(), ["a", "b"])

    def test_what_is_no_item_is_told_by_its_place(self):
        self.start({})
        for items, options, text in (("a\n" + "x" * 2049, (), "Line 2 of standard input has 2049 bytes"),
                                     ("a\0b\n", (), "Line 1 of standard input holds a NUL byte"),
                                     ("a\0" + "y" * 3000, ("-0",), "Item 2 of standard input has 3000")):
            self.assertIn(text, self.run_each(2, options, items).stderr)
        (self.path / "list").write_bytes(b"good\n\xe4\n")
        self.assertIn("Line 2 of " + str(self.path / "list") + " is not valid UTF-8",
                      self.expect(2, "each", str(self.path / "list"), "--", "true").stderr)
        self.assertIn("cannot be read", self.expect(2, "each", "/does/not/exist", "--", "true").stderr)
        for words in (("each", "-"), ("each",), ("each", "-", "--jobs", "0", "--", "true"),
                      ("each", "-", "--in-doubt", "maybe", "--", "true")):
            self.expect(2, *words)
        self.assertEqual(self.calls(), [])

    def test_a_command_that_is_not_there_fails(self):
        self.start({})
        self.assertIn("No such file or directory", self.run_each(1, (), "a\nb\n", ("/does/not/exist",)).stderr)
        self.assertEqual(self.calls()[-1][1]["failed"], ["a"])

    def test_no_items_are_no_work(self):
        self.start({})
        self.assertIn("0 items", self.run_each(0, (), "").stdout)
        self.assertEqual(self.calls(), [])

    def test_a_store_that_is_away_for_a_moment_is_asked_again(self):
        self.start({"memory_seen": [{"error": "Failed", "message": "the store: away"}, {"states": ["never"]}],
                    "memory_begin": [{"error": "Failed", "message": "the store: away"}, {"states": ["begun"]},
                                     {"error": "Failed", "message": "the store: away"}, {"states": []}]})
        self.run_each(0, (), "a\n")
        self.assertEqual(self.out(), ["a"])

    def test_a_token_that_became_void_ends_the_loop(self):
        self.start({"memory_seen": {"states": ["never", "never"]},
                    "memory_begin": [{"states": ["begun"]}, {"error": "Denied", "message": "void now"}]})
        self.assertIn("void now", self.run_each(5, (), "a\nb\n").stderr)
        self.assertEqual(self.out(), ["a"])


if __name__ == "__main__":
    unittest.main()
