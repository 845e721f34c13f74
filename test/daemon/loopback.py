"""Two daemons on loopback addresses, as a person would use them, for tests that are no shell scripts."""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

CONFIG = """
[pair]
name = "flow"
takeover_delay = "1s"
probes = ["127.0.0.1"]
key_file = "{place}/pair.key"
[[node]]
name = "left"
data_dir = "{place}/left"
run_dir = "{place}/left/run"
[[node]]
name = "right"
data_dir = "{place}/right"
run_dir = "{place}/right/run"
[[link]]
name = "lan-a"
address = {{ left = "127.0.{net}.1", right = "127.0.{net}.2" }}
port = 74{net}
[[link]]
name = "crossover"
address = {{ left = "127.0.{net}.5", right = "127.0.{net}.6" }}
port = 74{net}
"""


def skip_without_store_user():
    """The store never runs as root."""
    if os.geteuid() != 0:
        return
    try:
        pwd.getpwnam("roleswap")
    except KeyError:
        print("skipped: there is no user roleswap; make it with systemd-sysusers units/roleswap.sysusers")
        sys.exit(77)


class Pair:
    """Made with `with`; nothing of it is left afterwards."""

    def __init__(self, daemon, tool, net):
        self.daemon, self.tool = os.path.realpath(daemon), os.path.realpath(tool)
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="roleswap-flow."))
        self.place.chmod(0o755)
        self.config = self.place / "roleswap.toml"
        self.config.write_text(CONFIG.format(place=self.place, net=net))
        self.running = {}
        self.env = dict(os.environ, ROLESWAP_CONFIG=str(self.config), NO_COLOR="1",
                        ROLESWAP_RUNBOOKS=str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

    def __enter__(self):
        try:
            self.expect(0, "left", "init")
            self.expect(0, "right", "join")
            for node in ("left", "right"):
                self.start(node)
            self.until(60, "the pair is in sync", self.in_sync)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            for node in ("left", "right"):
                log = self.place / (node + ".log")
                if log.exists():
                    print("== %s\n%s" % (node, "\n".join(log.read_text().splitlines()[-25:])))
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.wait(30)
        self.until(20, "all processes have ended", lambda: not self.left_over())
        shutil.rmtree(self.place)

    def left_over(self):
        def inside(link):
            try:
                return os.readlink(link).startswith(str(self.place) + "/")
            except OSError:
                return False
        return [link for link in pathlib.Path("/proc").glob("[0-9]*/cwd") if inside(link)]

    def start(self, node):
        with open(self.place / (node + ".log"), "a") as log:
            self.running[node] = subprocess.Popen(
                [self.daemon, "--config", str(self.config), "--node", node], stdout=log, stderr=log)

    def kill(self, node):
        process = self.running.pop(node)
        process.kill()
        process.wait()

    def environment(self, node):
        return dict(self.env, ROLESWAP_NODE=node)

    def on(self, node, *words, stdin=""):
        return subprocess.run([self.tool, *words], env=self.environment(node), input=stdin,
                              capture_output=True, text=True, timeout=120)

    def expect(self, code, node, *words, stdin=""):
        done = self.on(node, *words, stdin=stdin)
        assert done.returncode == code, "%s: %d, not %d\n%s%s" % (
            " ".join(words)[:200], done.returncode, code, done.stdout[-2000:], done.stderr[-2000:])
        return done

    def background(self, node, *words):
        return subprocess.Popen([self.tool, *words], env=self.environment(node), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def in_sync(self):
        return self.on("left", "wait", "--in-sync", "--timeout", "1s").returncode == 0

    def master(self):
        for node in self.running:
            name = self.on(node, "nodes", "--role", "master").stdout.strip()
            if name:
                return name
        return ""

    def psql(self, text):
        """Asks the master's store."""
        return subprocess.run(["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h",
                               str(self.place / self.master() / "run" / "store"), "-p", "7432", "-U", "roleswap",
                               "roleswap", "-c", text], capture_output=True, text=True, timeout=60)

    def sql(self, text):
        """One value, or rows with "|" between columns."""
        done = self.psql(text)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def until(self, seconds, what, done):
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, "not within %d s: %s" % (seconds, what)
            time.sleep(0.05)
