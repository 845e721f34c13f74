"""The hardware watchdog of the guard: an i6300ESB, as the kernel's own driver has it."""
import time

from node import NODES, Node
from vm import Failed

TIMEOUT = 6  # seconds; the device's own is 30, the one of the configuration 15
CONFIG = NODES + f"""
[pair]
name = "machine"
key_file = "/disk/pair.key"
[[link]]
name = "lan-a"
address = {{ left = "127.0.21.1", right = "127.0.21.2" }}
[guard]
watchdog = "/dev/watchdog"
watchdog_timeout = "{TIMEOUT}s"
"""
DEVICE = "/sys/class/watchdog/watchdog0"


class Host:
    """One node whose peer never comes, on a machine with a watchdog."""

    def __init__(self, place):
        options = ["-device", "i6300esb", "-action", "reboot=reset,watchdog=reset"]
        self.node = Node("left", place.image, place.folder, options, processors=2)
        place.machines.append(self.node)
        self.node.start()
        self.node.wait_until_up()
        self.begin()

    def begin(self):
        """After a boot: all is in memory and gone."""
        self.node.prepare()
        self.node.configure(CONFIG)
        self.node.run("roleswap init")

    def start(self):
        self.node.start_daemon()
        self.node.until_get("the watchdog is armed", "/nodes/0/guard/watchdog", "status", "true")

    def says(self, name):
        return self.node.run(f"cat {DEVICE}/{name}")

    def expect(self, name, value):
        if self.says(name) != value:
            raise Failed(f"{name} of the watchdog is {self.says(name)}, not {value}")

    def kill(self, signal):
        """Guard and daemon.  Returns when it was done, by the clock of this host."""
        pids = self.node.run("cat /run/daemon.pid; pgrep -x roleswap-guard").split()
        self.node.run(f"kill -{signal} {' '.join(pids)}")
        return time.time()

    def reset(self, seconds):
        """Whether the device resets the host within the time."""
        return self.node.qmp.event("WATCHDOG", seconds)

    def reset_in_time(self):
        """When it did, by the clock of this host."""
        event = self.reset(3 * TIMEOUT)
        if event is None:
            raise Failed("nobody feeds the watchdog and it does not reset the host")
        return event["timestamp"]["seconds"] + event["timestamp"]["microseconds"] / 1e6


def armed_and_fed(host):
    """the guard arms the watchdog with the configured time-out and feeds it, its successor too"""
    host.expect("timeout", "30")
    host.start()
    host.expect("state", "active")
    host.expect("timeout", str(TIMEOUT))
    old = host.node.run("pgrep -x roleswap-guard")
    host.node.run(f"kill -KILL {old}")
    host.node.until("a new guard feeds the watchdog", f"guard=$(pgrep -x roleswap-guard) && [[ $guard != {old} ]]"
                    " && [[ $(roleswap --get /nodes/0/guard/watchdog status) == true ]]")
    if host.reset(2 * TIMEOUT + 1) is not None:
        raise Failed("the watchdog resets the host although the guard feeds it")
    host.expect("state", "active")


def closed_by_a_clean_stop(host):
    """a clean stop of the daemon disarms the watchdog"""
    host.node.stop_daemon()
    host.node.until("the guard ends", "! pgrep -x roleswap-guard")
    host.expect("state", "inactive")
    if host.reset(TIMEOUT + 2) is not None:
        raise Failed("the watchdog resets the host although it was closed")


def killed_guard_and_daemon(host):
    """killed guard and daemon leave the watchdog counting, which resets the host in time"""
    host.start()
    before = time.time()
    after = host.kill("KILL")
    reset = host.reset_in_time()
    host.node.wait_until_up_again()
    # Fed at most a quarter before the kill, which was somewhere between the two times.
    if reset - before < TIMEOUT * 3 / 4 or reset - after > TIMEOUT + 1:
        raise Failed(f"the watchdog came {reset - before:.1f} s after the guard's death, its time-out is {TIMEOUT} s")
    status = int(host.says("bootstatus"))
    if not status & 0x20:  # WDIOF_CARDRESET of linux/watchdog.h
        raise Failed(f"the device does not know that it reset the host: bootstatus {status}")
    return f"reset {reset - after:.1f} s after the kill, time-out {TIMEOUT} s; up again in {host.node.boot_seconds:.0f} s"


def frozen_guard_and_daemon(host):
    """frozen guard and daemon are ended by a reset of the host"""
    host.begin()
    host.start()
    host.kill("STOP")
    host.reset_in_time()


WORLD = Host
CASES = [armed_and_fed, closed_by_a_clean_stop, killed_guard_and_daemon, frozen_guard_and_daemon]
