"""A pair on two machines: their UARTs joined as a null-modem cable, one LAN, a power switch on a
serial port, and a disk each that forgets what was not flushed when the power goes."""
import pathlib
import subprocess

from node import BUILD, Node
from switch import PowerSwitch
from vm import Failed, wait_for

TAKEOVER_DELAY = 4  # seconds; two machines on few processors stand still now and then
SERIAL, LAN = 0, 1  # links in the order of the configuration
CONFIG = """
[pair]
name = "machine"
takeover_delay = "{delay}s"
key_file = "/disk/pair.key"
[[node]]
name = "left"
data_dir = "/disk/left"
[[node]]
name = "right"
data_dir = "/disk/right"
[[link]]
name = "null-modem"
serial = {{ left = "/dev/ttyS1", right = "/dev/ttyS1" }}
baud = {baud}
[[link]]
name = "lan-a"
address = {{ left = "10.0.1.1", right = "10.0.1.2" }}
[store]
allow = ["10.0.1.0/24"]
[fence]
kind = "serial"
port = {{ left = "/dev/ttyS2", right = "/dev/ttyS2" }}
baud = 4800
data_bits = 7
parity = "even"
stop_bits = 2
delay = "1s"
timeout = "20s"
command_timeout = "5s"
monitor = "1s"
node.left = {{ off = 'OFF 1\\r', off_answer = "OK 1 OFF", status = 'STATUS 1\\r', status_on = "1 ON", status_off = "1 OFF" }}
node.right = {{ off = 'OFF 2\\r', off_answer = "OK 2 OFF", status = 'STATUS 2\\r', status_on = "2 ON", status_off = "2 OFF" }}
"""


class Pair:
    def __init__(self, place):
        self.place = place
        path = str(place.folder / "switch.socket")
        self.switch = PowerSwitch(path)
        place.closed.callback(self.switch.end)
        self.left = self.make("left", 1, path)
        self.right = self.make("right", 2, path)
        self.nodes = [self.left, self.right]
        self.boot(*self.nodes)
        self.set_baud(115200)
        self.left.run("roleswap init")
        key = self.left.run("base64 -w 0 /disk/pair.key")
        self.right.run(f"umask 077; base64 -d <<<{key} >/disk/pair.key; roleswap join")
        for node in self.nodes:
            node.start_daemon()
        self.until_whole()

    def make(self, name, number, switch):
        folder = self.place.folder
        disk = folder / f"{name}.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "4G"], check=True)
        cable = f"socket,id=cable,path={folder / 'cable.socket'},"
        node = Node(name, self.place.image, folder, [
            "-chardev", cable + ("server=on,wait=off" if number == 1 else "reconnect=1"), "-serial", "chardev:cable",
            "-chardev", f"socket,id=switch,path={switch}", "-serial", "chardev:switch",
            "-netdev", f"dgram,id=lan,local.type=unix,local.path={folder / f'lan-{number}.socket'},"
                       f"remote.type=unix,remote.path={folder / f'lan-{3 - number}.socket'}",
            "-device", f"virtio-net-pci,netdev=lan,mac=52:54:00:00:00:0{number}",
            "-chardev", f"file,id=acks,path={folder / 'acks'},append=on",
            "-device", "virtserialport,chardev=acks,name=acks",
            "-drive", f"file={disk},format=qcow2,if=virtio,cache=writeback"])
        node.number = number
        self.place.machines.append(node)
        self.switch.outlets[str(number)] = node
        return node

    def boot(self, *nodes):
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_until_up()
            node.run("mkdir -p /disk; blkid /dev/vda >/dev/null || mkfs.ext4 -q /dev/vda; mount /dev/vda /disk", 300)
            node.prepare()
            node.run(f"ip address add 10.0.1.{node.number}/24 dev eth0; ip link set eth0 up")

    def set_baud(self, baud):
        for node in self.nodes:
            node.configure(CONFIG.format(baud=baud, delay=TAKEOVER_DELAY))

    def until_whole(self):
        self.left.until("the pair is whole", "roleswap wait --in-sync --timeout 5s", 300)

    def link(self, node, index, what):
        return node.get(f"/links/{index}/{what}", "links")

    def until_link(self, index, state, nodes=None):
        for node in nodes or self.nodes:
            node.until_get(f"link {index} is {state}", f"/links/{index}/state", "links", state)

    def cable_carries(self, baud):
        """Both ports are really set so, and heartbeats pass both ways."""
        for node in self.nodes:
            port = node.run("stty -a -F /dev/ttyS1")
            for word in (f"speed {baud} baud", "-parenb", "cs8", "-cstopb", "-crtscts", "-ixon"):
                if word not in port:
                    raise Failed(f"the port of {node.name} is not set to {word}: {port}")
            before = int(self.link(node, SERIAL, "received"))
            node.until("heartbeats pass", f"(($(roleswap --get /links/{SERIAL}/received links) > {before} + 20))")

    def cut_lan(self, cut):
        for node in self.nodes:
            node.qmp("set_link", name="lan", up=not cut)
        self.until_link(LAN, "down" if cut else "up")

    def master(self):
        return next(node for node in self.nodes if node.has_power() and node.is_master())

    def nothing_but_the_cable(self):
        """With the LAN cut for five takeover delays no role moves and nobody is switched off."""
        master = self.master()
        self.switch.heard.clear()
        self.cut_lan(True)
        end = f"end=$((SECONDS + {5 * TAKEOVER_DELAY})); while ((SECONDS < end)); do "
        code, output = master.try_run(end + f"[[ $(roleswap nodes --role master) == {master.name} ]] || exit 1; "
                                      f"[[ $(roleswap --get /links/{SERIAL}/state links) == *up* ]] || exit 2; done")
        if code != 0 or any(word.startswith("OFF") for word in self.switch.heard):
            raise Failed(f"the cut of the LAN moved a role or the cable died ({code}): {output}, {self.switch.heard}")
        self.cut_lan(False)
        self.until_whole()


def goes_up(pair):
    """the null-modem link of two real UARTs goes up at 115200 baud and carries heartbeats both ways"""
    pair.until_link(SERIAL, "up")
    pair.cable_carries(115200)
    table = pair.left.run("roleswap links")
    if not all(word in table for word in ("null-modem", "/dev/ttyS1", "lan-a")):
        raise Failed(f"roleswap links does not show it: {table}")
    return f"round trip over the cable {float(pair.link(pair.left, SERIAL, 'rtt_ms')):.0f} ms"


def keeps_the_roles(pair):
    """with the LAN cut the null-modem cable alone keeps the roles"""
    pair.nothing_but_the_cable()


def far_end(pair):
    """the null-modem link goes down when the far end is closed, and comes back"""
    pair.right.stop_daemon()
    pair.until_link(SERIAL, "down", [pair.left])
    pair.right.start_daemon()
    pair.until_link(SERIAL, "up")
    pair.until_whole()


def at_9600(pair):
    """the same pair at 9600 baud"""
    for node in (pair.right, pair.left):
        node.stop_daemon()
    pair.set_baud(9600)
    for node in pair.nodes:
        node.start_daemon()
    pair.until_whole()
    pair.until_link(SERIAL, "up")
    pair.cable_carries(9600)
    pair.nothing_but_the_cable()
    return f"round trip over the cable {float(pair.link(pair.left, SERIAL, 'rtt_ms')):.0f} ms"


def power_switch(pair):
    """a master that is frozen as a machine is switched off over a serial port before its role is taken"""
    master = pair.master()
    standby = next(node for node in pair.nodes if node is not master)
    standby.until("the switch tells the power", f"[[ $(roleswap check) == *'{master.name} is on'* ]]")
    port = standby.run("stty -a -F /dev/ttyS2")
    for word in ("speed 4800 baud", "parenb", "-parodd", "cs7", " cstopb", "-crtscts"):
        if word not in port:
            raise Failed(f"the port of the switch is not set to {word}: {port}")
    pair.switch.heard.clear()
    master.qmp("stop")
    standby.until_get("the standby takes over", "/node/role", "status", "master", 120)
    if master.has_power() or f"OFF {master.number}" not in pair.switch.heard:
        raise Failed(f"the frozen master still has power; the switch heard {pair.switch.heard}")
    for event in ("fence_confirmed", "takeover"):
        standby.until_event(event)
    master.cut_power()
    pair.boot(master)
    master.start_daemon()
    pair.until_whole()


class Writer:
    """One small transaction after another, from the standby's machine; what was acknowledged is noted
    on the host, which keeps its power."""

    def __init__(self, pair):
        self.acks = pathlib.Path(pair.place.folder / "acks")
        master = pair.master()
        standby = next(node for node in pair.nodes if node is not master)
        master.sql("create schema lab; create table lab.written(id bigint primary key); "
                   "create role lab login password 'lab-secret'; grant usage on schema lab to lab; "
                   "grant select, insert on lab.written to lab")
        to = f"host=10.0.1.{master.number} port=7432 dbname=roleswap user=lab password=lab-secret sslmode=require"
        standby.run(f"setsid {BUILD}/test/bench/writer --output /dev/acks --to '{to}' >/tmp/writer.log 2>&1 &")

    def acknowledged(self):
        text = self.acks.read_text() if self.acks.exists() else ""
        words = [line.split() for line in text.split("\n")[:-1]]  # the last may be cut
        return {int(line[1]) for line in words if len(line) > 4 and line[0] == "ack"}


def power_cut(pair):
    """both machines lose their power while clients write: every acknowledged row is on both afterwards"""
    writer = Writer(pair)
    master = pair.master()
    epoch = int(master.get("/nodes/0/epoch", "status"))
    wait_for("rows are acknowledged", lambda: len(writer.acknowledged()) >= 300, 120)
    master.run("head -c 65536 /dev/urandom >/disk/flushed; sync /disk/flushed; head -c 65536 /dev/urandom >/disk/forgotten")
    for node in pair.nodes:
        node.kill()
    for node in pair.nodes:
        node.cut_power()
    acknowledged = writer.acknowledged()
    pair.boot(*pair.nodes)
    sizes = master.run("stat -c %s /disk/flushed; stat -c %s /disk/forgotten 2>/dev/null || echo 0").split()
    if sizes != ["65536", "0"]:
        raise Failed(f"this was no power cut: flushed file and forgotten one have {sizes} bytes, not 65536 and 0")
    for node in pair.nodes:
        node.start_daemon()
    pair.until_whole()
    if int(pair.left.get("/nodes/0/epoch", "status")) < epoch:
        raise Failed("the epoch that was recorded is forgotten")
    for node in pair.nodes:
        stored = {int(line) for line in node.sql("select id from lab.written").split()}
        if missing := acknowledged - stored:
            raise Failed(f"{len(missing)} acknowledged rows are missing on {node.name}: {sorted(missing)[:5]}")
    return f"{len(acknowledged)} acknowledged rows, all there on both"


WORLD = Pair
CASES = [goes_up, keeps_the_roles, far_end, at_9600, power_switch, power_cut]
