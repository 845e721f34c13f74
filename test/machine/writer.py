"""A client of the pair whose notes are on the host."""
import pathlib

from node import BUILD


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
