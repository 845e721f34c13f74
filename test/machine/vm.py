"""A virtual machine under QEMU's own processor (TCG): boot, run scripts in it, watch it by QMP."""
import base64
import json
import os
import pathlib
import select
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
BOOT_SECONDS_MAX = 600  # of a busy host; 10 to 20 s are usual


class Failed(Exception):
    """What a case expected did not happen."""


def wait_for(what, condition, seconds=60):
    """Returns what the condition gave.  The condition waits for something itself, or is cheap."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class Lines:
    """A stream socket on which lines come."""

    def __init__(self, path, seconds):
        self.socket = socket.socket(socket.AF_UNIX)
        wait_for(f"qemu listens on {path}", lambda: self._connect(path), seconds)
        self.rest = b""

    def _connect(self, path):
        try:
            self.socket.connect(str(path))
            return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def line(self, seconds):
        """The next one, None when none comes in time; Failed when the other end is closed."""
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            got = self.socket.recv(65536)
            if not got:
                raise Failed("the virtual machine ended")
            self.rest += got
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode(errors="replace")

    def say(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def close(self):
        self.socket.close()


class Qmp:
    """QEMU's machine protocol (docs/interop/qmp-spec.txt of QEMU)."""

    def __init__(self, path):
        self.lines = Lines(path, 30)
        self.events = []
        self._next(30)  # the greeting
        self("qmp_capabilities")

    def _next(self, seconds):
        line = self.lines.line(seconds)
        return None if line is None else json.loads(line)

    def __call__(self, command, **arguments):
        self.lines.say(json.dumps({"execute": command, "arguments": arguments}))
        while (answer := self._next(30)) is not None:
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise Failed(f"{command}: {answer['error']['desc']}")
            else:
                return answer["return"]
        raise Failed(f"{command}: QEMU does not answer")

    def event(self, name, seconds):
        """The next event of that name, None when it does not come in time."""
        end = time.monotonic() + seconds
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event
            if (left := end - time.monotonic()) <= 0:
                return None
            if (answer := self._next(left)) is not None and "event" in answer:
                self.events.append(answer)


class Vm:
    """Options of QEMU beyond those that every machine has come from the case."""

    def __init__(self, name, image, folder, options=(), processors=1):
        self.name = name
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.image = pathlib.Path(image)
        self.options = list(options)
        self.processors = processors
        self.process = None
        self.boot_seconds = 0.0

    def path(self, name):
        return str(self.folder / name)

    def _command(self):
        return [
            "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
            "-smp", str(self.processors), "-m", "1024", "-nodefaults", "-display", "none",
            "-action", "reboot=shutdown,panic=shutdown",
            "-kernel", str(self.image / "vmlinuz"), "-initrd", str(self.image / "initrd"),
            "-append", f"console=ttyS0 quiet panic=-1 mitigations=off net.ifnames=0 agent={HERE / 'agent'}",
            "-fsdev", "local,id=host,path=/,readonly=on,security_model=none,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
            "-chardev", f"file,id=console,path={self.path('console')},append=on", "-serial", "chardev:console",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,path={self.path('agent')},server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=agent",
            "-qmp", f"unix:{self.path('qmp')},server=on,wait=off", *self.options]

    def start(self):
        """Begins to boot; `wait_until_up` waits for the end of it."""
        for name in ("agent", "qmp"):
            pathlib.Path(self.path(name)).unlink(missing_ok=True)
        self.begin = time.monotonic()
        with open(self.path("qemu.log"), "ab") as log:
            self.process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.qmp = Qmp(self.path("qmp"))
        self.agent = Lines(self.path("agent"), 30)

    def wait_until_up(self):
        line = self.agent.line(BOOT_SECONDS_MAX)
        if line != "ready":
            raise Failed(f"{self.name} did not boot: {self.told('console')}")
        self.boot_seconds = time.monotonic() - self.begin

    def wait_until_up_again(self):
        """After a reset."""
        self.begin = time.monotonic()
        self.wait_until_up()

    def try_run(self, script, seconds=60):
        """Runs it by bash in the machine.  Returns exit code and output."""
        self.agent.say(base64.b64encode(script.encode()).decode())
        line = self.agent.line(seconds)
        if line is None:
            raise Failed(f"on {self.name} this did not end within {seconds} s: {script}")
        code, _, output = line.partition(" ")
        return int(code), base64.b64decode(output).decode(errors="replace").rstrip("\n")

    def run(self, script, seconds=60):
        """The same for what must succeed.  Returns its output."""
        code, output = self.try_run(script, seconds)
        if code != 0:
            raise Failed(f"on {self.name} this ended with {code}: {script}\n{output}")
        return output

    def until(self, what, condition, seconds=60):
        """Until the condition, a command, is true in the machine."""
        script = f"end=$((SECONDS + {seconds})); until {condition}; do ((SECONDS < end)) || exit 1; sleep 0.05; done"
        code, output = self.try_run(script, seconds * 2 + 30)
        if code != 0:
            raise Failed(f"on {self.name} not within {seconds} s: {what}\n{output[-2000:]}")

    def told(self, name):
        """The end of a file of the machine that is on the host."""
        try:
            return pathlib.Path(self.path(name)).read_bytes()[-3000:].decode(errors="replace")
        except OSError:
            return ""

    def has_power(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """At any moment, also by another thread; `cut_power` does the rest."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def cut_power(self):
        """What the machine had not flushed to its disk is lost."""
        self.kill()
        self._gone()

    def end(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        self._gone()

    def _gone(self):
        self.process = None
        self.agent.close()
        self.qmp.lines.close()
