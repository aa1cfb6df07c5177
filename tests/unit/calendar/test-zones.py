#!/usr/bin/env python3
"""The zone reader against another one (Python's zoneinfo, which reads the same files with other code): every offset from
1970 to 2400, and local times around each change.

With --all, every zone of the system; otherwise a sample. Prints TAP.
"""
import os
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone

SAMPLE = """UTC Europe/Berlin Europe/London Europe/Dublin Europe/Lisbon America/New_York America/Sao_Paulo America/Havana
America/Santiago America/Nuuk America/St_Johns Africa/Casablanca Africa/Cairo Africa/Monrovia Asia/Gaza Asia/Kathmandu
Asia/Pyongyang Asia/Tehran Asia/Kolkata Australia/Lord_Howe Australia/Sydney Antarctica/Troll Antarctica/Casey Pacific/Apia
Pacific/Kwajalein Pacific/Chatham Pacific/Auckland Etc/GMT+12""".split()

TOP = os.environ.get("top_builddir", ".")
DUMP = os.path.join(TOP, "tests/unit/calendar/zonedump")
FROM = int(datetime(1970, 1, 1, tzinfo=timezone.utc).timestamp())
TO = int(datetime(2400, 1, 1, tzinfo=timezone.utc).timestamp())
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
    """Both ends of each span, and an instant of each day."""
    expected = FROM
    phase = rng.randrange(DAY)
    for begin, end, off, name in spans:
        if begin != expected:
            return f"a span begins at {begin}, not at {expected}"
        expected = end
        day = begin + (phase - begin) % DAY
        for sec in [begin, end - 1, *range(day, end, DAY)]:
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


def check_zone(name, rng):
    path = os.path.join(DIR, name)
    with open(path, "rb") as f:
        zone = ZoneInfo.from_file(f, key=name)
    out = subprocess.run([DUMP, path, str(FROM), str(TO)], stdout=subprocess.PIPE, check=True, text=True).stdout
    spans, why = [], None
    for line in out.splitlines():
        what, a, b, c, *rest = line.split()
        if what == "span":
            spans.append((int(a), int(b), int(c), rest[0]))
        else:
            why = why or check_local(zone, int(a), int(b), int(c))
    return why or check_spans(zone, spans, rng), len(spans)


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
    failed = total = 0
    for i, name in enumerate(names, 1):
        why, spans = check_zone(name, rng)
        total += spans
        failed += why is not None
        print(f"{'not ' if why else ''}ok {i} - {name}: {spans} spans")
        if why:
            print(f"# {why}")
    print(f"# {len(names)} zones, {total} spans")
    print(f"1..{len(names)}")
    return failed > 0


sys.exit(main())
