"""A pair on two machines: their UARTs joined as a null-modem cable, one LAN, a power switch on a
serial port, and a disk each that forgets what was not flushed when the power goes."""
import subprocess

from node import NODES, Node
from switch import PowerSwitch
from vm import Failed

TAKEOVER_DELAY = 6  # seconds; machines without a processor of their own stand still now and then
SERIAL, LAN = 0, 1  # links in the order of the configuration
CONFIG = NODES + """
[pair]
name = "machine"
takeover_delay = "{delay}s"
heartbeat = "500ms"
key_file = "/disk/pair.key"
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
        self.right.run(f"(umask 077; base64 -d <<<{key} >/disk/pair.key); roleswap join")
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
        self.left.until("the pair is whole", "roleswap wait --in-sync --timeout 5s", 600)

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
            node.until("heartbeats pass", f"(($(roleswap --get /links/{SERIAL}/received links) > {before} + 6))")

    def cut_lan(self, cut):
        for node in self.nodes:
            node.qmp("set_link", name="lan", up=not cut)
        self.until_link(LAN, "down" if cut else "up")

    def master(self):
        return next(node for node in self.nodes if node.has_power() and node.is_master())

    def nothing_but_the_cable(self):
        """With the LAN cut for three takeover delays no role moves and nobody is switched off."""
        master = self.master()
        self.switch.heard.clear()
        self.cut_lan(True)
        end = f"end=$((SECONDS + {3 * TAKEOVER_DELAY})); while ((SECONDS < end)); do "
        code, output = master.try_run(end + f"[[ $(roleswap nodes --role master) == {master.name} ]] || exit 1; done", 180)
        if code != 0 or any(word.startswith("OFF") for word in self.switch.heard):
            raise Failed(f"the cut of the LAN moved a role: {output}, the switch heard {self.switch.heard}")
        self.until_link(SERIAL, "up")
        self.cut_lan(False)
        self.until_whole()
