"""A pair on two machines, by its null-modem cable, its power switch and its power."""
from two_machines import SERIAL, Pair
from vm import Failed, wait_for
from writer import Writer


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
    standby.until("the standby takes over", f"[[ $(roleswap nodes --role master) == {standby.name} ]]", 120)
    if master.has_power() or f"OFF {master.number}" not in pair.switch.heard:
        raise Failed(f"the frozen master still has power; the switch heard {pair.switch.heard}")
    for event in ("fence_confirmed", "takeover"):
        standby.until_event(event)
    events = standby.run("roleswap events -n 50").splitlines()
    master.cut_power()
    pair.boot(master)
    master.start_daemon()
    pair.until_whole()
    return next(line for line in events if "fence_confirmed" in line)


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
