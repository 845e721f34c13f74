"""One node of a pair in a virtual machine: roleswapd, its tools, and questions to it."""
import os
import pathlib

from vm import Vm

BUILD = pathlib.Path(os.environ.get("ROLESWAP_BUILD", "build")).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
CONFIG = "/disk/roleswap.toml"
NODES = """
[[node]]
name = "left"
data_dir = "/disk/left"
[[node]]
name = "right"
data_dir = "/disk/right"
"""


class Node(Vm):
    """All that has to outlive the power is below /disk; the case says whether that is a disk."""

    def __init__(self, name, image, folder, options=(), processors=1):
        super().__init__(name, image, folder, options, processors)
        self.environment = (f"export ROLESWAP_NODE={name} ROLESWAP_CONFIG={CONFIG} NO_COLOR=1 "
                            f"ROLESWAP_GUARD={BUILD}/guard/roleswap-guard "
                            f"ROLESWAP_KEEPER={BUILD}/keeper/roleswap-keeper\n"
                            f"roleswap() {{ {BUILD}/cli/roleswap \"$@\"; }}\n")

    def try_run(self, script, seconds=60):
        return super().try_run(self.environment + script, seconds)

    def prepare(self):
        """After each boot, once /disk is there."""
        self.run(f"mkdir -p /disk; id roleswap >/dev/null 2>&1 || systemd-sysusers {SOURCE}/units/roleswap.sysusers")

    def configure(self, text):
        self.run(f"cat >{CONFIG} <<'CONF'\n{text}CONF\n")

    def start_daemon(self):
        self.run(f"setsid {BUILD}/daemon/roleswapd >>/disk/log 2>&1 & echo $! >/run/daemon.pid")

    def stop_daemon(self):
        """As systemctl stop does."""
        self.run("kill -TERM $(</run/daemon.pid)")
        self.until("the daemon ends", "! kill -0 $(</run/daemon.pid) 2>/dev/null")

    def get(self, pointer, verb):
        """A part of what a verb tells, as text; empty where it has no answer yet."""
        code, output = self.try_run(f"roleswap --get {pointer} {verb}")
        return output.strip('"') if code == 0 else ""

    def until_get(self, what, pointer, verb, value, seconds=120):
        self.until(what, f'[[ $(roleswap --get {pointer} {verb} 2>/dev/null) =~ ^\\"?{value}\\"?$ ]]', seconds)

    def until_event(self, event, seconds=120):
        self.until(f"event {event}", f"roleswap --node {self.name} --json events -n 200 | "
                   f"grep -Eq '\"what\": *\"{event}\"'", seconds)

    def is_master(self):
        return self.try_run("roleswap nodes --role master")[1] == self.name

    def sql(self, text):
        return self.run(f"psql -XAtq -v ON_ERROR_STOP=1 -h /run/roleswap/store -p 7432 -U roleswap -d roleswap "
                        f"-c \"{text}\"", 120)

    def evidence(self):
        """What tells why a case failed."""
        if self.process is None:
            return f"{self.name} has no power"
        return self.try_run("roleswap status; roleswap links; roleswap events -n 30; tail -n 30 /disk/log; "
                            "dmesg | tail -n 5")[1]
