"""The scripted daemon and the command line, as the tests use them."""
import json
import os
import pathlib
import pty
import subprocess
import tempfile
import termios
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

    def on_own_terminal(self, answers, *words):
        """As a person at the terminal of the program: each answer is typed when its prompt is there,
        and the terminal echoes again afterwards.  Exit code and what the screen showed."""
        child, terminal = pty.fork()
        if child == 0:
            os.execve(ROLESWAP, [ROLESWAP, *words], self.env)
        self.addCleanup(os.close, terminal)
        screen = b""
        try:
            for prompt, answer in answers:
                while not screen.endswith(prompt.encode()):
                    screen += os.read(terminal, 1024)
                self.assertFalse(termios.tcgetattr(terminal)[3] & termios.ECHO, "echoes a secret")
                os.write(terminal, answer.encode() + b"\n")
            while block := os.read(terminal, 1024):
                screen += block
        except OSError:  # the program has ended
            pass
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        self.assertTrue(termios.tcgetattr(terminal)[3] & termios.ECHO, "the terminal stays silent")
        return code, screen.decode()

    def calls(self):
        """[(verb, arguments)] in the order in which they came."""
        lines = [line.split(" ", 1) for line in self.log.read_text().splitlines()]
        return [(verb, json.loads(args)) for verb, args in lines]
