"""roleswap-keeper, the main process of a transient unit: spoken to as the daemon does, without systemd."""
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

KEEPER = sys.argv.pop(1)
# Report of lib/run/plan.hpp: kind, stage, error, status, then five numbers.
REPORT = struct.Struct("@iiiiqqqq")


def packed(*words):
    return b"".join(str(word).encode() + b"\0" for word in words)


def listed(words):
    return packed(len(words), *words)


class Keeper:
    def __init__(self):
        self.own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.own.settimeout(10)
        self.process = subprocess.Popen([KEEPER], stdin=other)
        other.close()

    def send_plan(self, command, directory="/", text=b""):
        # As Plan::packed: no other account, no further groups, no limits.
        words = (packed(directory, "/", 0o027, 0, 0, 0, 0, 0) + listed(["/bin/sh", "-c", command]) +
                 listed(["WORD=word", "PATH=/usr/bin:/bin"]) + listed(["/bin/sh"]))
        self.output, write = os.pipe()
        with tempfile.TemporaryFile() as plan, tempfile.TemporaryFile() as given:
            for file, content in ((plan, words), (given, text)):
                file.write(content)
                file.flush()
                file.seek(0)
            socket.send_fds(self.own, [b"p"], [plan.fileno(), given.fileno(), write])
        os.close(write)

    def report(self):
        return REPORT.unpack(self.own.recv(REPORT.size))

    def said(self):
        text = b""
        while b"\n" not in text:
            text += os.read(self.output, 65536)
        return text.decode()

    def end(self):
        self.own.close()
        return self.process.wait(10)


def alive(word):
    found = subprocess.run(["pgrep", "-f", "^sleep " + word], capture_output=True, text=True)
    return found.stdout.split()


class KeeperTest(unittest.TestCase):
    def start(self):
        keeper = Keeper()
        self.addCleanup(keeper.process.wait)
        self.addCleanup(keeper.process.kill)
        self.addCleanup(keeper.own.close)
        self.assertEqual(keeper.own.recv(1), b"h")
        return keeper

    def gone(self, word):
        until = time.monotonic() + 10
        while alive(word):
            self.assertLess(time.monotonic(), until, f"alive: {alive(word)}")

    def test_it_starts_nothing_without_a_plan(self):
        keeper = self.start()
        self.assertFalse(select.select([keeper.own], [], [], 0.2)[0])
        self.assertEqual(keeper.end(), 0)

    def test_it_does_what_the_plan_says_and_waits_to_be_told(self):
        keeper = self.start()
        keeper.send_plan("read line; echo $line $WORD $(umask) $(pwd); exit 7", "/usr", b"from input\n")
        self.assertEqual(keeper.said(), "from input word 0027 /usr\n")
        kind, _, _, status, cpu_us, memory_kib, _, _ = keeper.report()
        self.assertEqual((kind, os.waitstatus_to_exitcode(status)), (1, 7))
        self.assertGreater(cpu_us, 0)
        self.assertGreater(memory_kib, 100)
        self.assertIsNone(keeper.process.poll())
        keeper.own.send(b"q")
        self.assertEqual(keeper.process.wait(10), 0)

    def test_what_cannot_be_executed_is_reported(self):
        keeper = self.start()
        keeper.send_plan("true", directory="/no/such/folder")
        kind, _, error, _, _, _, _, _ = keeper.report()
        self.assertEqual((kind, os.strerror(error)), (0, "No such file or directory"))
        self.assertEqual(keeper.report()[0], 1)

    def test_it_passes_the_wish_to_end_on(self):
        keeper = self.start()
        keeper.send_plan("trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done")
        keeper.said()
        keeper.own.send(b"t")
        self.assertEqual(os.waitstatus_to_exitcode(keeper.report()[3]), 5)

    def test_the_tree_ends_with_the_daemon(self):
        word = str(10**6 + os.getpid())
        keeper = self.start()
        keeper.send_plan(f"trap '' TERM; (setsid sh -c '(sleep {word} & sleep {word}) & sleep {word}' &) & "
                         f"echo up; sleep {word}")
        keeper.said()
        while len(alive(word)) < 4:
            pass
        self.assertEqual(keeper.end(), 0)
        self.gone(word)

    def test_the_task_ends_with_a_killed_keeper(self):
        word = str(2 * 10**6 + os.getpid())
        keeper = self.start()
        keeper.send_plan(f"echo up; exec sleep {word}")
        keeper.said()
        while not alive(word):
            pass
        keeper.process.kill()
        self.gone(word)

    def test_without_its_daemon_it_ends_at_once(self):
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own.close()
        self.assertEqual(subprocess.run([KEEPER], stdin=other, timeout=10).returncode, 0)
        other.close()

    def test_by_hand_it_says_what_it_is(self):
        told = subprocess.run([KEEPER], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(told.returncode, 2)
        self.assertIn("never by hand", told.stderr)
        self.assertEqual(subprocess.run([KEEPER, "--bad"], capture_output=True).returncode, 2)
        self.assertIn("roleswapd(8)", subprocess.run([KEEPER, "--help"], capture_output=True, text=True).stdout)


if __name__ == "__main__":
    unittest.main()
