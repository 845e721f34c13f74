"""The guard against a daemon that is frozen, dead or late; real processes, a real store."""
import glob
import os
import pathlib
import pwd
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

GUARD = os.environ["GUARD"]
CLIENT = os.environ["GUARD_CLIENT"]
LOCKED, REALTIME, NEVER_OOM, TASKS_GROUP, STORE_GROUP = 1, 2, 4, 8, 16
YES, FIRED, LOST = "0", "1", "2"

if "ROLESWAP_TEST_USER" in os.environ:
    entry = pwd.getpwnam(os.environ["ROLESWAP_TEST_USER"])
    if os.geteuid() != 0:
        print("skipped: needs root to become", entry.pw_name)
        sys.exit(77)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.environ["HOME"] = "/tmp"
    os.chdir("/")
ROOT = os.geteuid() == 0
# The guard acts in time whatever the machine does, but those it kills need a processor to die.
LATE_MS_MAX = 50 if ROOT and os.getloadavg()[0] < os.cpu_count() else 500


def boottime_us():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def read(path):
    try:
        return pathlib.Path(path).read_bytes().decode(errors="replace")
    except OSError:
        return ""


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def state(pid):
    text = read(f"/proc/{pid}/stat")
    return text.rsplit(")", 1)[1].split()[0] if ")" in text else "X"


def alive(pid):
    return state(pid) not in "ZX"


def with_word(word):
    return [pid for pid in processes()
            if word in read(f"/proc/{pid}/cmdline") and alive(pid) and pid != os.getpid()]


def wait_for(what, condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.001)


def deaths(pids, seconds=10):
    """CLOCK_BOOTTIME in microseconds at which the last of them was seen dead."""
    poll = select.poll()
    waiting = {}
    last = 0
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        waiting[fd] = pid
        poll.register(fd, select.POLLIN)
    until = time.monotonic() + seconds
    while waiting:
        ready = poll.poll(100)
        now = boottime_us()
        for fd, _ in ready:
            last = now
            poll.unregister(fd)
            os.close(fd)
            del waiting[fd]
        if time.monotonic() > until:
            raise AssertionError(f"still alive: {[(p, state(p)) for p in waiting.values()]}")
    return last


def what_is_allowed():
    """(real-time priority, out of reach of the OOM killer): tried by children of the test."""
    def fifo():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))

    def never_oom():
        pathlib.Path("/proc/self/oom_score_adj").write_text("-1000", encoding="ascii")

    def may(attempt):
        child = os.fork()
        if child == 0:
            try:
                attempt()
                os._exit(0)
            except OSError:
                os._exit(1)
        return os.waitpid(child, 0)[1] == 0
    return may(fifo), may(never_oom)


class Daemon:
    def __init__(self, isolation, **options):
        self.name = f"guard-test-{os.getpid()}-{random.randrange(10**6)}"
        words = ["guard", GUARD, "name", self.name, "isolation", isolation]
        for key, value in options.items():
            words += [key.replace("_", "-"), str(value)]
        self.process = subprocess.Popen([CLIENT, *words], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        self.heard = ""
        self.ready = self.expect("ready")
        self.protection = int(self.ready.split()[1])

    def expect(self, word, seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            line, found, rest = self.heard.partition("\n")
            if found:
                self.heard = rest
                if line.split()[0] == word:
                    return line
            elif select.select([self.process.stdout], [], [], 0.1)[0]:
                got = os.read(self.process.stdout.fileno(), 65536).decode()
                if got == "":
                    raise AssertionError(f"the daemon ended before it said {word}")
                self.heard += got
        raise AssertionError(f"the daemon did not say {word}")

    def say(self, line):
        self.process.stdin.write(line + "\n")

    def ask(self, line, word):
        self.say(line)
        return self.expect(word).split()[1:]

    def signal(self, number):
        self.process.send_signal(number)

    def guard(self):
        children = read(f"/proc/{self.process.pid}/task/{self.process.pid}/children").split()
        found = [int(pid) for pid in children
                 if read(f"/proc/{pid}/comm").strip() == "roleswap-guard"]
        return found[0]

    def start_mischief(self):
        """Its own sessions, double forks, no signal that it heeds.  Returns all its processes."""
        word = str(10**6 + random.randrange(10**6))
        self.say("task trap '' TERM INT HUP QUIT; (setsid sh -c "
                 f"'(sleep {word} & sleep {word}) & sleep {word}' &) & setsid -f sleep {word}; sleep {word}")
        wait_for("the task has made its tree", lambda: sum(
            read(f"/proc/{p}/comm").strip() == "sleep" for p in with_word(word)) == 5)
        return with_word(word)

    def end(self):
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        wait_for("all of it is gone", lambda: not with_word(self.name))
        for group in self.groups():
            for folder, _, _ in os.walk(group, topdown=False):
                os.rmdir(folder)

    def groups(self):
        return [path for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
                for path in glob.glob(f"{root}/roleswap-{self.name}*")
                + glob.glob(f"{root}/**/*.service/roleswap-{self.name}*", recursive=True)]


def cgroups_work():
    probe = subprocess.run([CLIENT, "guard", GUARD, "name", f"probe-{os.getpid()}", "isolation", "cgroup"],
                           input=b"", capture_output=True)
    return probe.returncode == 0


ISOLATIONS = ["cgroup", "keeper"] if cgroups_work() else ["keeper"]


class GuardTest(unittest.TestCase):
    def start(self, isolation, **options):
        daemon = Daemon(isolation, **options)
        self.addCleanup(daemon.end)
        return daemon

    def folder(self):
        place = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp")
        self.addCleanup(shutil.rmtree, place, True)
        return place

    def tell(self, text):
        print(f"    {'root' if ROOT else 'ordinary user'}: {text}", flush=True)

    def dies_by_the_deadline(self, daemon, victims, deadline, what):
        last = deaths(victims)
        guard_says = self.after_waking(daemon)
        seen = (last - deadline) / 1000
        self.tell(f"{what}: {len(victims)} processes, the last dead {seen:.2f} ms after the deadline "
                  f"(guard: {guard_says / 1000:.2f} ms)")
        self.assertGreaterEqual(last, deadline, "nothing may die before the deadline")
        self.assertLess(seen, LATE_MS_MAX)
        self.assertLess(guard_says / 1000, LATE_MS_MAX)

    def after_waking(self, daemon):
        daemon.signal(signal.SIGCONT)
        said = []

        def is_known():
            said[:] = daemon.ask("firing", "firing")
            return int(said[2]) >= 0
        wait_for("the guard found nothing alive", is_known)
        self.assertEqual(said[0], "true")
        return int(said[2])

    def test_a_frozen_daemon_keeps_no_task_alive(self):
        for isolation in ISOLATIONS:
            daemon = self.start(isolation)
            victims = daemon.start_mischief()
            deadline, extended = daemon.ask("arm 300", "armed")
            self.assertEqual(extended, YES)
            daemon.signal(signal.SIGSTOP)
            wait_for("it is stopped", lambda: state(daemon.process.pid) == "T")
            self.dies_by_the_deadline(daemon, victims, int(deadline), isolation)

    @unittest.skipUnless(ROOT and "cgroup" in ISOLATIONS, "needs root and cgroup v2")
    def test_a_group_of_units_that_comes_later_dies_too(self):
        mount = next(root for root in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")
                     if os.path.exists(root + "/cgroup.procs"))
        group = f"{mount}/guard-test-units-{os.getpid()}"
        daemon = self.start("cgroup", unit_group=group)
        word = str(10**6 + random.randrange(10**6))
        for _ in range(2):  # systemd removes the slice and makes it again
            unit = group + "/some.service"
            os.makedirs(unit)
            sleeper = subprocess.Popen(
                ["sh", "-c", f"trap '' TERM; setsid sleep {word} & sleep {word}"],
                preexec_fn=lambda: pathlib.Path(unit, "cgroup.procs").write_text(str(os.getpid())))
            wait_for("they are there", lambda: len(read(unit + "/cgroup.procs").split()) == 3)
            deadline, extended = daemon.ask("arm 50", "armed")
            self.assertEqual(extended, YES)
            victims = [int(pid) for pid in read(unit + "/cgroup.procs").split()]
            daemon.signal(signal.SIGSTOP)
            self.dies_by_the_deadline(daemon, victims, int(deadline), "a unit")
            sleeper.wait()
            wait_for("nobody is in it", lambda: "populated 0" in read(group + "/cgroup.events"))
            os.rmdir(unit)
            os.rmdir(group)
            daemon.ask("note", "noted")
            self.assertEqual(daemon.ask("disarm", "disarmed")[0], YES)

    def test_a_daemon_that_wakes_is_told_and_starts_nothing_before_it_took_note(self):
        for isolation in ISOLATIONS:
            daemon = self.start(isolation)
            deadline, _ = daemon.ask("arm 50", "armed")
            daemon.signal(signal.SIGSTOP)
            wait_for("the deadline is over", lambda: boottime_us() > int(deadline) + 100000)
            daemon.signal(signal.SIGCONT)
            daemon.expect("fired")
            self.assertEqual(daemon.ask("arm 60000", "armed")[1], FIRED)
            daemon.say("task sleep 1000")
            self.assertIn("signal 9", daemon.expect("end"))
            daemon.ask("note", "noted")
            self.assertEqual(daemon.ask("arm -1", "armed")[1], FIRED)
            daemon.say("task sleep 1000")
            self.assertIn("signal 9", daemon.expect("end"), "it kills until the daemon is sure")
            self.assertEqual(daemon.ask("disarm", "disarmed")[0], YES)
            victims = daemon.start_mischief()
            time.sleep(0.3)  # ten times what the guard would need
            self.assertTrue(all(alive(pid) for pid in victims))

    def test_extending_in_time_kills_nothing(self):
        for isolation in ISOLATIONS:
            daemon = self.start(isolation)
            victims = daemon.start_mischief()
            daemon.say("extend 200")
            time.sleep(1.5)  # a deadline of 200 ms would have passed seven times
            self.assertEqual(daemon.ask("firing", "firing")[0], "false")
            self.assertTrue(all(alive(pid) for pid in victims))
            before = boottime_us()
            daemon.signal(signal.SIGSTOP)
            self.assertLess(deaths(victims) - before, 200000 + LATE_MS_MAX * 1000)

    def test_an_earlier_deadline_is_heard_of(self):
        daemon = self.start("keeper")
        victims = daemon.start_mischief()
        daemon.ask("arm 600000", "armed")
        deadline, _ = daemon.ask("arm 5", "armed")
        daemon.signal(signal.SIGSTOP)
        self.dies_by_the_deadline(daemon, victims, int(deadline), "deadline moved from 10 min to 5 ms")

    def test_a_killed_guard_is_noticed_at_once(self):
        daemon = self.start(ISOLATIONS[0])
        os.kill(daemon.guard(), signal.SIGTERM)  # it does not heed this one
        before = boottime_us()
        os.kill(daemon.guard(), signal.SIGKILL)
        daemon.expect("lost")
        took = (boottime_us() - before) / 1000
        self.tell(f"guard killed: the daemon knew {took:.2f} ms later")
        self.assertLess(took, LATE_MS_MAX)
        self.assertEqual(daemon.ask("arm 1000", "armed")[1], LOST)
        daemon.say("guard")
        daemon.expect("ready")
        self.assertEqual(daemon.ask("arm 60000", "armed")[1], YES)

    def test_a_guard_that_is_stopped_counts_as_lost(self):
        daemon = self.start(ISOLATIONS[0])
        before = boottime_us()
        os.kill(daemon.guard(), signal.SIGSTOP)
        daemon.expect("lost")
        took = (boottime_us() - before) / 1000
        self.tell(f"guard stopped: the daemon gave it up {took:.0f} ms later")
        self.assertLess(took, 5000)

    def test_nothing_outlives_a_killed_daemon(self):
        for isolation in ISOLATIONS:
            daemon = self.start(isolation)
            victims = daemon.start_mischief() + [daemon.guard()]
            before = boottime_us()
            daemon.signal(signal.SIGKILL)
            took = (deaths(victims) - before) / 1000
            self.tell(f"{isolation}, daemon killed: tasks and guard gone {took:.2f} ms later")
            self.assertLess(took, LATE_MS_MAX + 100)

    def test_nothing_is_left_after_a_clean_end(self):
        for isolation in ISOLATIONS:
            daemon = self.start(isolation)
            victims = daemon.start_mischief() + [daemon.guard()]
            daemon.say("quit")
            deaths(victims)
            self.assertEqual(daemon.process.wait(), 0)
            wait_for("its cgroups are gone", lambda: not daemon.groups())

    def store(self):
        binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        if not binaries or not shutil.which("openssl"):
            self.skipTest("needs PostgreSQL and openssl")
        place = self.folder()
        os.chmod(place, 0o711)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test",
                        "-keyout", f"{place}/key", "-out", f"{place}/crt"], check=True,
                       capture_output=True)
        users = [u.pw_name for u in pwd.getpwall() if u.pw_name in ("roleswap", "postgres", "nobody")]
        return {"store": f"{place}/left", "bin": os.path.dirname(binaries[-1]), "user": users[-1],
                "port": 20000 + random.randrange(10000),
                "certificate": read(f"{place}/crt"), "key": read(f"{place}/key")}

    def cluster(self, options):
        folder = os.path.realpath(options["store"] + "/store/pg")
        found = []
        for pid in processes():
            try:
                if os.readlink(f"/proc/{pid}/cwd") == folder:
                    found.append(pid)
            except OSError:
                pass
        return found

    def test_the_store_dies_with_a_frozen_and_with_a_killed_daemon(self):
        for isolation in ISOLATIONS:
            options = self.store()
            daemon = self.start(isolation, **options)
            daemon.say("lead")
            daemon.expect("primary", 60)
            wait_for("its processes run", lambda: len(self.cluster(options)) > 5)
            victims = self.cluster(options)
            deadline, _ = daemon.ask("arm 100", "armed")
            daemon.signal(signal.SIGSTOP)
            self.dies_by_the_deadline(daemon, victims, int(deadline), f"{isolation}, postgres")

            daemon.end()  # its guard would go on killing whatever runs in the cluster

            again = self.start(isolation, **options)
            again.say("lead")
            again.expect("primary", 60)
            victims = self.cluster(options)
            self.assertGreater(len(victims), 5)
            before = boottime_us()
            again.signal(signal.SIGKILL)
            self.tell(f"{isolation}, daemon killed: {len(victims)} processes of postgres gone "
                      f"{(deaths(victims) - before) / 1000:.2f} ms later")
            wait_for("nothing is left", lambda: not self.cluster(options))

    def test_it_is_protected_as_far_as_it_may_be(self):
        daemon = self.start(ISOLATIONS[0])
        guard = daemon.guard()
        status = read(f"/proc/{guard}/status")
        locked = int(re.search(r"VmLck:\s+(\d+)", status).group(1))
        resident = int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
        self.tell(f"protection bits {daemon.protection}, {resident} kB resident, {locked} kB locked")
        self.assertTrue(daemon.protection & LOCKED)
        self.assertGreater(locked, 0)
        may_fifo, may_never_oom = what_is_allowed()
        self.assertEqual(os.sched_getscheduler(guard) == os.SCHED_FIFO, may_fifo)
        self.assertEqual(bool(daemon.protection & REALTIME), may_fifo)
        self.assertEqual(read(f"/proc/{guard}/oom_score_adj").strip() == "-1000", may_never_oom)
        self.assertEqual(bool(daemon.protection & NEVER_OOM), may_never_oom)
        self.assertEqual(bool(daemon.protection & TASKS_GROUP), ISOLATIONS[0] == "cgroup")
        if ROOT and ISOLATIONS[0] == "cgroup":
            self.assertIn(".guard", read(f"/proc/{guard}/cgroup"))

    def test_it_touches_no_new_memory_after_its_start(self):
        def faults(pid):
            fields = read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
            return int(fields[7]), int(fields[9])
        for isolation in ISOLATIONS:
            daemon = self.start(isolation)
            guard = daemon.guard()
            before = faults(guard), read(f"/proc/{guard}/maps")
            victims = daemon.start_mischief()
            daemon.ask("arm 50", "armed")
            daemon.signal(signal.SIGSTOP)
            deaths(victims)
            daemon.signal(signal.SIGCONT)
            after = faults(guard), read(f"/proc/{guard}/maps")
            self.assertEqual(after[1], before[1])
            # The kernel moves pages about, also locked ones: a minor fault or two, never one from disk.
            self.assertEqual(after[0][1], before[0][1])
            self.assertLessEqual(after[0][0] - before[0][0], 3)

    def test_its_code_calls_nothing_that_allocates(self):
        objects = glob.glob(os.environ["GUARD_OBJECTS"] + "/*.o")
        self.assertTrue(objects)
        names = subprocess.run(["nm", "-uC", *objects], capture_output=True, text=True).stdout
        self.assertRegex(names, r"U poll")
        self.assertNotRegex(names, r"U (operator new|malloc|calloc|realloc|strdup|opendir|fopen|snprintf|std::)")

    def test_what_is_no_watchdog_is_refused_and_said_so(self):
        place = self.folder()
        os.mkfifo(place + "/fifo")
        reader = os.open(place + "/fifo", os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        for device, why in ((place + "/none", "cannot be opened: No such file"),
                            (place + "/fifo", "it is not a watchdog")):
            daemon = self.start("keeper", device=device)
            self.assertIn("watchdog=false", daemon.ready)
            self.assertIn(why, daemon.ready)

    def food(self):
        place = self.folder()
        os.mkfifo(place + "/food")
        bowl = os.open(place + "/food", os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, bowl)
        return place + "/food", bowl

    def eaten(self, bowl):
        try:
            return os.read(bowl, 4096)
        except BlockingIOError:
            return b""

    def test_the_watchdog_is_fed_and_closed_by_the_magic_character(self):
        path, bowl = self.food()
        daemon = self.start("keeper", food=path)
        guard = daemon.guard()
        time.sleep(1)  # two and a half time-outs
        fed = self.eaten(bowl)
        self.assertGreaterEqual(len(fed), 6)
        self.assertEqual(set(fed), {0})
        daemon.say("quit")
        deaths([guard])
        self.assertEqual(self.eaten(bowl)[-1:], b"V")

    def test_a_killed_guard_leaves_the_watchdog_counting(self):
        path, bowl = self.food()
        daemon = self.start("keeper", food=path)
        os.kill(daemon.guard(), signal.SIGKILL)
        daemon.expect("lost")
        self.assertNotIn(b"V", self.eaten(bowl))

    def test_the_watchdog_starves_when_what_was_killed_does_not_die(self):
        path, bowl = self.food()
        group = self.folder()  # a group in which something lives for ever
        pathlib.Path(group, "cgroup.kill").write_text("")
        pathlib.Path(group, "cgroup.events").write_text("populated 1\nfrozen 0\n")
        daemon = self.start("keeper", food=path, task_group=group)
        daemon.ask("arm 10", "armed")
        daemon.signal(signal.SIGSTOP)
        time.sleep(1.3)  # the limit is 1 s
        self.assertGreater(len(self.eaten(bowl)), 3)
        self.assertEqual(read(group + "/cgroup.kill"), "1")
        time.sleep(1)
        self.assertEqual(self.eaten(bowl), b"")
        pathlib.Path(group, "cgroup.events").write_text("populated 0\nfrozen 0\n")
        wait_for("it is fed again", lambda: self.eaten(bowl) != b"")
        daemon.signal(signal.SIGCONT)


if __name__ == "__main__":
    unittest.main()
