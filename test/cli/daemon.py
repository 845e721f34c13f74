"""The scripted daemon and the command line, as the tests use them."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
ROLESWAP = os.environ["ROLESWAP"]
STATUS = json.loads((HERE / "fixtures" / "status.json").read_text())


def fixture(name):
    return json.loads((HERE / "fixtures" / (name + ".json")).read_text())


class Case(unittest.TestCase):
    """A folder of its own, and a daemon in it when `start` is called."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.env = dict(os.environ, ROLESWAP_SOCKET=str(self.path / "ctl"),
                        ROLESWAP_HOOKS=str(self.path / "hooks"))
        self.log = self.path / "log"

    def start(self, script):
        (self.path / "script").write_text(json.dumps(script))
        self.log.write_text("")
        daemon = subprocess.Popen(
            [os.environ["SCRIPTED_DAEMON"], self.path / "ctl", self.path / "script", self.log],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(daemon.stdout.close)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        self.assertEqual(daemon.stdout.readline(), "ready\n")
        return daemon

    def roleswap(self, *words, stdin=""):
        return subprocess.run([ROLESWAP, *words], env=self.env, input=stdin, capture_output=True,
                              text=True, timeout=60)

    def expect(self, code, *words, stdin=""):
        done = self.roleswap(*words, stdin=stdin)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def calls(self):
        """[(verb, arguments)] in the order in which they came."""
        lines = [line.split(" ", 1) for line in self.log.read_text().splitlines()]
        return [(verb, json.loads(args)) for verb, args in lines]
