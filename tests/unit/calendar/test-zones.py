#!/usr/bin/env python3
"""The zone reader against another one (Python's zoneinfo, which reads the same files with other code): every offset
from 1970 to 2500 (which is past the 400 years that the reader keeps), and local times around each change. Then zones
made up of a random rule alone. With --all, every zone of the system, otherwise a sample; SEED=n repeats a run. Prints TAP.
"""
import os
import random
import struct
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

SAMPLE = """UTC Europe/Berlin Europe/London Europe/Dublin Europe/Lisbon America/New_York America/Sao_Paulo
America/Havana America/Santiago America/Nuuk America/St_Johns Africa/Casablanca Africa/Cairo Africa/Monrovia Asia/Gaza
Asia/Kathmandu Asia/Pyongyang Asia/Tehran Asia/Kolkata Australia/Lord_Howe Australia/Sydney Antarctica/Troll Antarctica/Casey
Pacific/Apia Pacific/Kwajalein Pacific/Chatham Pacific/Auckland Etc/GMT+12""".split()

TOP = os.environ.get("top_builddir", ".")
DUMP = os.path.join(TOP, "tests/unit/calendar/zonedump")
FROM = int(datetime(1970, 1, 1, tzinfo=timezone.utc).timestamp())
TO = int(datetime(2500, 1, 1, tzinfo=timezone.utc).timestamp())
EPOCH = datetime(1970, 1, 1)
DAY = 86400


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


try:
    from zoneinfo import ZoneInfo
except ImportError:
    skip("this python has no zoneinfo")

DIR = os.environ.get("TZDIR", "/usr/share/zoneinfo")
if not os.path.exists(os.path.join(DIR, "Europe/Berlin")):
    skip("no zone files here")


def offset(zone, sec):
    d = datetime.fromtimestamp(sec, zone)
    return d.utcoffset() // timedelta(seconds=1), d.tzname()


def local(zone, sec):
    """Local time as seconds, as if UTC."""
    return sec + offset(zone, sec)[0]


def check_spans(zone, spans, rng):
    """Both ends of each span, and an instant every few days, in case that zoneinfo knows of changes that we do not."""
    expected = FROM
    step = DAY if "--all" in sys.argv else 3 * DAY
    phase = rng.randrange(step)
    for begin, end, off, name in spans:
        if begin != expected:
            return f"a span begins at {begin}, not at {expected}"
        expected = end
        first = begin + (phase - begin) % step
        for sec in [begin, end - 1, *range(first, end, step)]:
            if offset(zone, sec) != (off, name):
                return f"at {sec}: {off} {name}, but zoneinfo says {offset(zone, sec)}"
    return None if expected == TO else f"the last span ends at {expected}"


def check_local(zone, sec, utc, kind):
    naive = EPOCH + timedelta(seconds=sec)
    times = [int(naive.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1)]
    real = sorted({t for t in times if local(zone, t) == sec})
    if not real:
        good = kind == -1 and local(zone, utc - 1) < sec < local(zone, utc)
    else:
        good = utc == real[0] and kind == (len(real) > 1)
    return None if good else f"local {naive} is {utc} (kind {kind}), but zoneinfo finds it at {real}"


def check_file(path, rng):
    with open(path, "rb") as f:
        zone = ZoneInfo.from_file(f)
    out = subprocess.run([DUMP, path, str(FROM), str(TO)], stdout=subprocess.PIPE, check=True, text=True).stdout
    spans, why = [], None
    for line in out.splitlines():
        what, a, b, c, *rest = line.split()
        if what == "span":
            spans.append((int(a), int(b), int(c), rest[0]))
        else:
            why = why or check_local(zone, int(a), int(b), int(c))
    return why or check_spans(zone, spans, rng), len(spans)


def random_rule(rng):
    """A TZ string whose two changes are far enough apart for zoneinfo, which looks at one year at a time. Not of the form
    that counts from day 0, which zoneinfo (3.11) takes to be a day early, as it takes J59 to be a day late
    in leap years."""

    def day(month):
        if rng.random() < 0.6:
            return f"M{month}.{rng.randint(1, 5)}.{rng.randint(0, 6)}"
        return f"J{max(month * 30 - rng.randint(0, 29), 60)}"

    def time():
        return rng.choice(["", "", "/0", "/24", "/-1", "/-2:30", "/26", "/3:00:01", f"/{rng.randint(-167, 167)}"])

    hour, west = rng.randint(0, 11), rng.choice(["", "-"])
    dst = rng.choice(["", "", f"{west}{hour + 1}", f"{west}{max(hour - 1, 0)}:30", f"{west}{hour + 2}:15:15"])
    names = rng.choice([("AAA", "BBB"), ("<+03>", "<-03>")])
    months = rng.sample(range(2, 12), 2)
    while abs(months[0] - months[1]) < 3:
        months = rng.sample(range(2, 12), 2)
    rules = ",".join(day(m) + time() for m in months)
    return f"{names[0]}{west}{hour}{names[1]}{dst},{rules}"


def write_zone(path, rule):
    """TZif version 2 with no change but those of the rule."""
    head = lambda: b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lBB", 0, 0, 0) + b"XXX\0"
    with open(path, "wb") as f:
        f.write(head() + body + head() + body + b"\n" + rule.encode() + b"\n")


def zoneinfo_reads(path):
    """It knows some rules for wrong that are right."""
    try:
        with open(path, "rb") as f:
            ZoneInfo.from_file(f)
    except ValueError:
        return False
    return True


def all_zones():
    for root, dirs, files in os.walk(DIR):
        dirs[:] = [d for d in dirs if d not in ("posix", "right")]
        for name in files:
            path = os.path.join(root, name)
            with open(path, "rb") as f:
                if f.read(4) == b"TZif":
                    yield os.path.relpath(path, DIR)


def main():
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    rng = random.Random(seed)
    names = sorted(all_zones()) if "--all" in sys.argv else [n for n in SAMPLE if os.path.exists(os.path.join(DIR, n))]
    print(f"# SEED={seed}")
    failed = total = n = 0

    def report(name, why, spans):
        nonlocal failed, total, n
        n += 1
        total += spans
        failed += why is not None
        print(f"{'not ' if why else ''}ok {n} - {name}: {spans} spans")
        if why:
            print(f"# {why}")

    for name in names:
        report(name, *check_file(os.path.join(DIR, name), rng))
    with tempfile.TemporaryDirectory() as tmp:
        for _ in range(200 if "--all" in sys.argv else 12):
            path = os.path.join(tmp, "zone")
            while True:
                rule = random_rule(rng)
                write_zone(path, rule)
                if zoneinfo_reads(path):
                    break
            report(rule, *check_file(path, rng))
    print(f"# {total} spans")
    print(f"1..{n}")
    return failed > 0


sys.exit(main())
