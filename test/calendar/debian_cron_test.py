#!/usr/bin/env python3
"""Debian's own cron on days whose clock is moved, against roleswap: same rules, same due times.

cron runs in a mount namespace with nothing but our crontab, in a clock of libfaketime that runs 120
times as fast.  Each entry writes its name and the number of the process cron made for it.  Those
numbers rise in the order in which cron started the entries, and entries of single minutes, before
and after the rules, tell in which minute: the load of the machine does not matter.

Two things are told apart from differences.  After a skipped hour cron starts what was fixed in it one
minute after another with pauses of 10 s, so for fixed rules the quarter of an hour after the change
counts as one moment.  And cron runs a rule that names many skipped minutes once for each of them,
roleswap once.  Takes 40 s; skipped without root, cron or faketime.
"""
import concurrent.futures
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import zoneinfo

ROLESWAP = os.environ["ROLESWAP"]
SPEED = 120
AFTER_GAP = 15  # minutes in which cron makes up what a skipped hour had

# Name, zone, begin in UTC, minutes, and the rules that could be due in them.
DAYS = [
    ("spring in Berlin", "Europe/Berlin", "2026-03-29T00:55", 25,
     ["30 2 * * *", "0 2 * * *", "0 3 * * *", "59 1 * * *", "1 3 * * *", "10,20 2 * * *",
      "30 1-3 * * *", "*/30 2 * * *", "*/2 3 * * *", "30 */2 * * *", "30 2 29 3 *", "30 2 30 3 *",
      "30 2 29 4 0", "30 2 * * 1", "0-59 2 * * *", "58 * * * *"]),
    ("autumn in Berlin", "Europe/Berlin", "2026-10-25T00:55", 70,
     ["56 2 * * *", "57 2,3 * * *", "5 2 * * *", "0 3 * * *", "*/20 2 * * *", "57 * * * *",
      "58 */2 * * *", "58 0-23 * * *", "59 2 25 10 *", "59 2 1 * 0", "59 2 1 * 6", "30 3 * * *"]),
    ("autumn on Lord Howe", "Australia/Lord_Howe", "2026-04-04T14:50", 45,
     ["45 1 * * *", "55 1 * * *", "58 * * * *", "*/15 1 * * *", "0 2 * * *", "30 1 * * *"]),
    ("spring on Lord Howe", "Australia/Lord_Howe", "2026-10-03T15:25", 25,
     ["15 2 * * *", "30 2 * * *", "35 2 * * *", "*/15 2 * * *", "0 2 * * *", "5 2 * * 0"]),
]

INSIDE = """set -e
mount -t tmpfs tmpfs /var/spool/cron; mkdir /var/spool/cron/crontabs
mount -t tmpfs tmpfs /etc/cron.d; mount -t tmpfs tmpfs /run
mount --bind /dev/null /etc/crontab
cp "$1/table" /etc/cron.d/roleswap
export TZ=$2
exec timeout "$3" faketime -f "$4 x$5" cron -f -L 0
"""


def why_not():
    if os.geteuid() != 0:
        return "needs root, for a mount namespace"
    for program in ("cron", "faketime", "unshare"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
            return f"there is no {program}"
    return ""


def moment(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)


def run_cron(folder, zone, begin, minutes, rules):
    """The entries that cron started, in their order: "first 56", "rule 3", "last 56"."""
    out = folder / "out"
    out.touch()
    table = [(f"{minute} * * * *", f"first {minute}") for minute in range(60)]
    table += [(rule, f"rule {index}") for index, rule in enumerate(rules)]
    table += [(f"{minute} * * * *", f"last {minute}") for minute in range(60)]
    (folder / "table").write_text("SHELL=/bin/sh\n" + "".join(
        f"{rule} root echo $PPID {name} >> {out}\n" for rule, name in table))
    real = (minutes + 1) * 60 / SPEED
    offset = begin.timestamp() - time.time()
    ended = subprocess.run(["unshare", "--mount", "bash", "-c", INSIDE, "cron", str(folder), zone,
                            f"{real:.1f}", f"{offset:+.2f}", str(SPEED)],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if ended.returncode != 124:  # timeout(1) ended it
        raise RuntimeError(f"cron ended with {ended.returncode}: {ended.stderr}")
    lines = [line.split(" ", 1) for line in out.read_text().splitlines()]
    return [name for _, name in sorted(lines, key=lambda line: int(line[0]))]


def by_minute(started, rules):
    """(minute of the hour, rules that cron started in it), one after another."""
    opens = started[0].split()[0] if started else ""  # cron may keep its table backward
    found = []
    for name in started:
        kind, number = name.split()
        if kind == opens:
            found.append((int(number), []))
        elif kind == "rule":
            found[-1][1].append(rules[int(number)])
    return found


def place(minutes_seen, zone, begin):
    """The minute of UTC of the first group; None where a minute is missing after it."""
    clock = zoneinfo.ZoneInfo(zone)
    for late in range(1, 8):
        first = begin + datetime.timedelta(minutes=late)
        if all((first + datetime.timedelta(minutes=index)).astimezone(clock).minute == minute
               for index, minute in enumerate(minutes_seen)):
            return first
    return None


def by_roleswap(zone, first, minutes, rules):
    """(minute of UTC, rule) of all due times in so many minutes."""
    after = first.strftime("%Y-%m-%dT%H:%M:%SZ")
    found = set()
    for rule in rules:
        shown = subprocess.run([ROLESWAP, "--json", "task", "next", "--schedule", rule, "--timezone",
                                zone, "--from", after, "-n", str(minutes + 1)],
                               check=True, capture_output=True, text=True).stdout
        found |= {(moment(due["due"][:16]), rule) for due in json.loads(shown)["next"]}
    return {(at, rule) for at, rule in found if at < first + datetime.timedelta(minutes=minutes)}


def gather_after_gap(dues, zone):
    """What is fixed and lies shortly after a skipped hour is put to its end."""
    clock = zoneinfo.ZoneInfo(zone)

    def moved(at, rule):
        if any(field.startswith("*") for field in rule.split()[:2]):
            return at
        for back in range(AFTER_GAP):
            end = at - datetime.timedelta(minutes=back)
            before = end - datetime.timedelta(minutes=1)
            if end.astimezone(clock).utcoffset() > before.astimezone(clock).utcoffset():
                return end
        return at

    return {(moved(at, rule), rule) for at, rule in dues}


def watched(day):
    """The first minute and what cron started in each; again when the machine stood still."""
    name, zone, begin, minutes, rules = day
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            started = run_cron(pathlib.Path(folder), zone, moment(begin), minutes, rules)
        groups = by_minute(started, rules)[:-1]  # the last one may have been cut
        first = place([minute for minute, _ in groups], zone, moment(begin))
        if first and len(groups) > minutes - 5:
            return first, groups
        print(f"{name}: cron saw {len(groups)} of {minutes} minutes, again")
    raise RuntimeError(f"{name}: cron never saw each minute")


def differences(day):
    name, zone, _, _, rules = day
    first, groups = watched(day)
    cron = {(first + datetime.timedelta(minutes=index), rule)
            for index, (_, started) in enumerate(groups) for rule in started}
    cron = gather_after_gap(cron, zone)
    here = gather_after_gap(by_roleswap(zone, first, len(groups), rules), zone)
    print(f"{name}: {len(here)} due times of {len(rules)} rules in {len(groups)} minutes")
    return [f"{name}: {rule} at {at:%H:%M} UTC by {'cron' if (at, rule) in cron else 'roleswap'} alone"
            for at, rule in sorted(cron ^ here)]


def main():
    reason = why_not()
    if reason:
        print(f"SKIP: Debian's cron on days whose clock is moved: {reason}")
        return 77
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = [line for lines in pool.map(differences, DAYS) for line in lines]
    print("\n".join(found) or "no difference")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
