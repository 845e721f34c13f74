#!/usr/bin/env python3
"""Calendar expressions against systemd-analyze(1): the same texts, refused or taken by both, and the
same due times, but for the hours around a change of the clock.  What differs there on purpose is
listed below, as in roleswap.toml(5), "Schedules".

systemd_test.py [random expressions, default 20] [seed]
"""
import concurrent.futures
import datetime
import json
import os
import random
import re
import shutil
import subprocess
import sys
import zoneinfo

ROLESWAP = os.environ["ROLESWAP"]
COUNT = 15
AROUND = datetime.timedelta(hours=4)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
         "America/Sao_Paulo", "Africa/Casablanca"]
STARTS = ["2026-01-01", "2026-03-20", "2026-10-01", "2027-02-20", "2028-02-01"]

TEXTS = [
    "Mon..Fri 08:00", "*-*-* 02:30", "*:0/20", "02:0/20", "0/2:30", "1..3:15", "*-*-01 03:00:00",
    "*-*~01 02:30", "Mon *-05~07/1", "*-02~1..3 12:00:30", "*-*~07/3", "*-*~2..10/3", "Sat,Sun",
    "Sun 01:30", "Fri *-*-13", "2018..2034/2-02-29", "2030-11-03 01:30", "*-03,10-25..31 2:30",
    "*-*-* 23:59:59", "*-*-* 02:10..50/20:0/30", "*-02-29", "Tue..Thu *-*-8..14", "0:0:0/20",
    "*-10-* 1,2:0,15,30,45", "Sun *-*~1..7 02:00", "*:*:30", "5/6:5/25", "Mon *-1/3-1 3:00",
    "minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "yearly",
    "annually", "WEEKLY", "monday,tuesday 3:00", "Mon-Wed 4:5", "Mon,  8:00", "27-1-1", "5..5:00",
    "12-24", "*-*~*", "*:*", "00/6:00", "Thu,Fri 2027-*-1,5 11:12:13", "*-*-7 0:0:0", "*-* 4:00",
    "10-15", "Wed..Wed,Sun 17:48", "Wed-Sat,Tue 12-10-15 1:2:3", "2199-12-31", "2026-02-30"]
REFUSED = [
    "Fri..Mon 08:00", "Mon,Tee 08:00", "24:00", "8:60", "8:00:00:00", "8:*/5", "8:0/60", "8:0/0",
    "8:9..5", "8:", "*-13-01", "*-*~29", "1-2-3-4", "*~01-01 8:00", "8:00 Europe/Berln", "hourli",
    "8:00 12-24", "Mon..", "Mon...Fri", "1969-01-01", "2200-01-01", "*-0-1", "*-1-32", "8:00:60",
    "*-*-*-*", "8:5,", "8:,5", "8:5..", "8:..5", "8:-5", "8:5/", "8:1/59", "Mon Tue 8:00", "~1",
    "8:00 UTC UTC", "8", "*-*~1..29", "*-*~3/3"]
# systemd takes them, or reads them in another way; roleswap refuses them.
ONLY_SYSTEMD = ["8:00:30.5", "8:00:00.0", "@1700000000", "8:00 CEST", "", "biannually",
                "bi-annually", "semi-annually", "anually"]
# What systemd 252 does when the clock is moved, and what roleswap does: local times.
ON_PURPOSE = [
    ("a fixed time in the skipped hour", "Europe/Berlin", "*-*-* 02:30", "2026-03-29", 2,
     ["03-30 02:30+02:00", "03-31 02:30+02:00"], ["03-29 03:00+02:00", "03-30 02:30+02:00"]),
    ("the repeated hour", "Europe/Berlin", "*:0/30", "2026-10-25", 8,
     ["00:00+02:00", "00:30+02:00", "01:00+02:00", "01:30+02:00", "02:00+02:00", "02:30+02:00",
      "03:00+01:00", "03:30+01:00"],
     ["00:00+02:00", "00:30+02:00", "01:00+02:00", "01:30+02:00", "02:00+02:00", "02:30+02:00",
      "02:00+01:00", "02:30+01:00"]),
    # Asked in the evening before it passes over what comes first; asked at midnight it does not.
    ("a step that leads over the end of the day", "UTC", "0/14:0/30", "2026-01-01", 4,
     ["01 14:00+00:00", "01 14:30+00:00", "02 00:00+00:00", "02 00:30+00:00"],
     ["01 00:00+00:00", "01 00:30+00:00", "01 14:00+00:00", "01 14:30+00:00"]),
]


def parsed(output):
    """UTC instants of systemd-analyze calendar, which says them twice where TZ is not UTC."""
    lines = re.findall(r"^\s*(Next elapse|Iter\. #\d+|\(in UTC\)): \w+ (\S+ \S+) (\S+)", output, re.M)
    return [datetime.datetime.fromisoformat(time).replace(tzinfo=datetime.timezone.utc)
            for _, time, zone in lines if zone == "UTC"]


def by_systemd(text, zone, start, count=COUNT):
    """None where it refuses the text."""
    begin = begin_of(zone, start).astimezone(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    ended = subprocess.run(["systemd-analyze", "calendar", f"--iterations={count}",
                            f"--base-time={begin:%Y-%m-%d %H:%M:%S} UTC", "--", text],
                           env={**os.environ, "TZ": zone, "LC_ALL": "C"},
                           capture_output=True, text=True)
    return None if ended.returncode else parsed(ended.stdout)


def by_roleswap(text, zone, start, count=COUNT):
    ended = subprocess.run([ROLESWAP, "--json", "task", "next", "--schedule", f"calendar {text}",
                            "--timezone", zone, "--from", start, "-n", str(count)],
                           capture_output=True, text=True)
    if ended.returncode:
        return None
    return [datetime.datetime.fromisoformat(time["due"][:19] + "+00:00")
            for time in json.loads(ended.stdout)["next"]]


def begin_of(zone, date):
    return datetime.datetime.fromisoformat(date).replace(tzinfo=zoneinfo.ZoneInfo(zone))


def near_change(time, zone):
    clock = zoneinfo.ZoneInfo(zone)
    offsets = {(time + way).astimezone(clock).utcoffset() for way in (-AROUND, 0 * AROUND, AROUND)}
    return len(offsets) > 1


def compare(text, zone, start):
    """Lines about what the two have differently."""
    systemd = by_systemd(text, zone, start)
    here = by_roleswap(text, zone, start)
    place = f'"{text}" in {zone} from {start}'
    if systemd is None or here is None:
        return [] if systemd == here else [f"{place}: systemd {systemd}, roleswap {here}"]
    both = [[time for time in times if not near_change(time, zone)] for times in (systemd, here)]
    if len(systemd) == COUNT or len(here) == COUNT:  # both end where the shorter one does
        last = min(times[-1] for times in (systemd, here) if times)
        both = [[time for time in times if time <= last] for times in both]
    if both[0] == both[1]:
        return []
    only = sorted(set(both[0]) ^ set(both[1]))
    return [f"{place}: {time} by {'systemd' if time in both[0] else 'roleswap'} alone" for time in only]


def random_text(draw):
    """Steps without an end divide their range: see ON_PURPOSE."""
    def field(low, high, steps=True):
        first = draw.randint(low, high - 1)
        last = draw.randint(first + 1, high)
        step = draw.choice([n for n in range(1, high - low) if (high - low + 1) % n == 0])
        return draw.choice(["*", f"{low}/{step}" if steps else "*", f"{first}..{last}",
                            f"{first}..{last}/{draw.randint(1, last - first)}",
                            f"{draw.randint(low, high)},{draw.randint(low, high)}",
                            f"{draw.randint(low, high)}"])
    date = (draw.choice(["*", "*", field(1, 12)]) + draw.choice("--~") +
            draw.choice(["*", "*", field(1, 28, steps=False)]))
    clock = f"{field(0, 23)}:{field(0, 59)}" + draw.choice(["", "", ":" + field(0, 59)])
    return draw.choice(["", "", "Mon..Fri ", "Sun ", "Sat,Sun ", "Tue,Thu..Sat "]) + f"*-{date} {clock}"


def purposes():
    """The listed differences are those there are."""
    version = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True).stdout
    if not version.startswith("systemd 252"):
        print("the list of differences on purpose is that of systemd 252: not compared")
        return []
    found = []
    for name, zone, text, start, count, systemd, here in ON_PURPOSE:
        for who, times, wanted in (("systemd", by_systemd(text, zone, start, count), systemd),
                                   ("roleswap", by_roleswap(text, zone, start, count), here)):
            clock = zoneinfo.ZoneInfo(zone)
            local = [f"{time.astimezone(clock):%m-%d %H:%M}{time.astimezone(clock).isoformat()[-6:]}"
                     for time in times]
            if [time[-len(want):] for time, want in zip(local, wanted)] != wanted:
                found.append(f"{name}: {who} has {local}, not {wanted}")
    return found


def main():
    if not shutil.which("systemd-analyze"):
        print("SKIP: calendar expressions against systemd: there is no systemd-analyze")
        return 77
    amount = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261127
    draw = random.Random(seed)
    found = []
    cases = []
    for text in TEXTS + [random_text(draw) for _ in range(amount)]:
        cases.append((text, draw.choice(ZONES), draw.choice(STARTS)))
        cases.append((text, "Europe/Berlin", draw.choice(STARTS)))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:  # systemd-analyze mostly waits
        for lines in pool.map(lambda case: compare(*case), cases):
            found += lines
    for text in REFUSED:
        for who, times in (("systemd", by_systemd(text, "UTC", STARTS[0])),
                           ("roleswap", by_roleswap(text, "UTC", STARTS[0]))):
            if times is not None:
                found.append(f'"{text}" is taken by {who}')
    found += [f'"{text}" is taken' for text in ONLY_SYSTEMD
              if by_roleswap(text, "UTC", STARTS[0]) is not None]
    found += purposes()
    print(f"{len(TEXTS) + amount} expressions compared twice, {len(REFUSED)} wrong ones, seed {seed}")
    print("\n".join(found) or "no difference but those on purpose")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
