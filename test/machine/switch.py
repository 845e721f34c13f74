"""A power switch with one outlet per machine, on serial ports: what a fence of kind serial talks to.

  OFF 1 CR     ends QEMU of the first machine, then says "OK 1 OFF" CR
  STATUS 1 CR  says "1 ON" CR or "1 OFF" CR
"""
import contextlib
import selectors
import socket
import threading


class PowerSwitch:
    def __init__(self, path):
        self.outlets = {}  # number -> machine
        self.heard = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.wake, self.waked = socket.socketpair()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def end(self):
        self.wake.close()
        self.thread.join()

    def _serve(self):
        lines = {}  # port of a machine -> what came of a line
        with selectors.DefaultSelector() as ready, contextlib.ExitStack() as open_ports:
            ready.register(self.listener, selectors.EVENT_READ)
            ready.register(self.waked, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is self.waked:
                        self.listener.close()
                        self.waked.close()
                        return
                    if key.fileobj is self.listener:
                        port = open_ports.enter_context(self.listener.accept()[0])
                        lines[port] = b""
                        ready.register(port, selectors.EVENT_READ)
                    elif not self._hear(key.fileobj, lines):
                        ready.unregister(key.fileobj)

    def _hear(self, port, lines):
        with contextlib.suppress(ConnectionError):
            got = port.recv(256)
            *commands, lines[port] = (lines[port] + got).split(b"\r")
            for command in commands:
                port.sendall(self._obey(command.decode(errors="replace")).encode() + b"\r")
            return got != b""
        return False

    def _obey(self, command):
        self.heard.append(command)
        verb, _, number = command.partition(" ")
        machine = self.outlets.get(number)
        if machine is None or verb not in ("OFF", "STATUS"):
            return "ERR"
        if verb == "OFF":
            machine.kill()
            return f"OK {number} OFF"
        return f"{number} {'ON' if machine.has_power() else 'OFF'}"
