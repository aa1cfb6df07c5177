#!/usr/bin/env python3
"""Next instants against an oracle that shares no code with the daemon: minute by minute through a few days around an
offset change, with Python's zoneinfo. Random expressions; SEED=n repeats a run. Prints TAP.
"""
import os
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone

TOP = os.environ.get("top_builddir", ".")
DUMP = os.path.join(TOP, "tests/unit/calendar/firedump")
DIR = os.environ.get("TZDIR", "/usr/share/zoneinfo")
EPOCH = datetime(1970, 1, 1)
MINUTE = 60
DAY = 86400
NAMES = {
    "month": "jan feb mar apr may jun jul aug sep oct nov dec".split(),
    "dow": "sun mon tue wed thu fri sat".split(),
}

# Changes that surprised somebody: (zone, day in UTC).
KNOWN = [
    ("Pacific/Apia", "2011-12-30"), ("Pacific/Kwajalein", "1993-08-21"), ("Pacific/Enderbury", "1994-12-31"),
    ("Asia/Kathmandu", "1985-12-31"), ("Asia/Pyongyang", "2015-08-14"), ("Asia/Pyongyang", "2018-05-04"),
    ("Antarctica/Troll", "2024-03-31"), ("Antarctica/Troll", "2024-10-27"), ("Australia/Lord_Howe", "2026-04-04"),
    ("Australia/Lord_Howe", "2026-10-03"), ("America/Sao_Paulo", "2018-11-04"), ("America/Sao_Paulo", "2018-02-18"),
    ("Africa/Casablanca", "2026-02-15"), ("Africa/Casablanca", "2026-03-22"), ("Africa/Cairo", "2026-04-23"),
    ("Asia/Gaza", "2026-03-28"), ("Europe/Dublin", "2026-03-29"), ("Europe/Dublin", "2026-10-25"),
    ("America/Havana", "2026-11-01"), ("America/Caracas", "2007-12-09"), ("Antarctica/Casey", "2020-10-03"),
    ("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25"), ("Europe/Berlin", "2099-10-25"),
]
# And any others of these, in any year.
ZONES = """Europe/Berlin America/New_York America/Santiago Asia/Tehran Asia/Gaza Africa/Cairo Africa/Casablanca
Pacific/Chatham America/St_Johns Europe/Lisbon Pacific/Norfolk America/Asuncion Asia/Amman Europe/Moscow
Pacific/Apia""".split()


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


try:
    from zoneinfo import ZoneInfo
except ImportError:
    skip("this python has no zoneinfo")
if not os.path.exists(os.path.join(DIR, "Europe/Berlin")):
    skip("no zone files here")


def utc(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp())


class Field:
    """A field's text and what it stands for, made together: nothing here reads an expression."""

    def __init__(self, rng, low, high, near, names=None):
        shape = rng.choice("*******//llrrRn11")
        self.star = shape in "*/"
        v = lambda: rng.choice(near) if near and rng.random() < 0.6 else rng.randint(low, high)
        named = lambda n: rng.choice([names[n - low], names[n - low].upper()])
        word = lambda n: named(n) if names and rng.random() < 0.3 else str(n)
        if shape == "*":
            self.text, self.values = "*", set(range(low, high + 1))
        elif shape == "/":
            n = rng.choice([1, 2, 3, 5, 7, 10, 15, 20, 30])
            self.text, self.values = f"*/{n}", set(range(low, high + 1, n))
        elif shape in "rR":
            a, b = sorted((v(), v()))
            n = rng.choice([1, 2, 3, 7]) if shape == "R" else 1
            self.text = f"{word(a)}-{word(b)}" + (f"/{n}" if n > 1 else "")
            self.values = set(range(a, b + 1, n))
        else:
            some = [v() for _ in range(1 if shape in "1n" else rng.randint(2, 5))]
            self.text, self.values = ",".join(map(word, some)), set(some)


class Fields:
    def __init__(self, rng, window):
        d = window.middle
        self.second = Field(rng, 0, 59, [0, 59, 30]) if rng.random() < 0.15 else None
        self.minute = Field(rng, 0, 59, [0, 30, 59, 1])
        self.hour = Field(rng, 0, 23, [0, 1, 2, 3, 23, d.hour])
        self.dom = Field(rng, 1, 31, [d.day, (d + timedelta(1)).day, (d - timedelta(1)).day])
        self.month = Field(rng, 1, 12, [d.month], NAMES["month"])
        self.dow = Field(rng, 0, 6, [], NAMES["dow"])
        if self.second and len(self.second.values) > 6:
            self.second.values, self.second.text, self.second.star = {0, 20}, "0,20", False
        fields = [self.second, self.minute, self.hour, self.dom, self.month, self.dow]
        self.text = " ".join(f.text for f in fields if f)
        self.interval = any(f.star for f in fields[:3] if f)

    def matches(self, t):
        dom, dow = t.day in self.dom.values, t.isoweekday() % 7 in self.dow.values
        return (t.minute in self.minute.values and t.hour in self.hour.values and t.month in self.month.values and
                (dom and dow if self.dom.star or self.dow.star else dom or dow))

    def fires(self, window):
        seconds = self.second.values if self.second else {0}
        if self.interval:
            return {u + s for u, t in window.minutes if self.matches(t) for s in seconds}
        return {u if skipped else u + s for t, u, skipped in window.clock if self.matches(t) for s in seconds}


class Every:
    def __init__(self, rng, window):
        self.period = rng.choice([7, 45, 60, 90, 900, 3600, 5400, 86400, rng.randint(30, 100000)])
        self.text = f"@every {self.period}"

    def fires(self, window):
        return set(range(-(-window.begin // self.period) * self.period, window.end + 1, self.period))


class At:
    def __init__(self, rng, window):
        self.local, self.sec, _ = rng.choice(window.clock)
        self.text = f"@at {self.local.isoformat()[:16]}"

    def fires(self, window):
        return {self.sec}


class Window:
    """The days around a change: every UTC minute with its local time, and every minute of the local clock, also those
    that do not exist, with the instant at which something fixed at that time is due."""

    def __init__(self, name, day):
        self.path = os.path.join(DIR, name)
        self.name = f"{name} {datetime.fromtimestamp(day, timezone.utc):%Y-%m-%d}"
        with open(self.path, "rb") as f:
            zone = ZoneInfo.from_file(f)
        begin, end = day - 2 * DAY, day + 3 * DAY
        at = lambda u: datetime.fromtimestamp(u, zone).replace(tzinfo=None, fold=0)
        self.minutes = [(u, at(u)) for u in range(begin, end + 1, MINUTE)]
        first, shown = {}, begin
        for u, t in self.minutes:
            first.setdefault(t, u)
        pairs = zip(self.minutes[1:], self.minutes)
        ends = [(u, t) for (u, t), (_, before) in pairs if t - before > timedelta(minutes=1)]
        self.clock, t = [], self.minutes[0][1]
        while t <= self.minutes[-1][1]:
            if t in first:
                self.clock.append((t, first[t], False))
            else:
                self.clock.append((t, min(u for u, after in ends if after > t), True))
            t += timedelta(minutes=1)
        # Near its edges a window does not see all of a change that is not its own.
        self.begin, self.end = begin + DAY, end - DAY
        self.middle = at(day)
        self.aligned = all(t.second == 0 for _, t in self.minutes)


def changes(name, year):
    with open(os.path.join(DIR, name), "rb") as f:
        zone = ZoneInfo.from_file(f)
    day = utc(f"{year}-01-01")
    offsets = [datetime.fromtimestamp(day + i * DAY, zone).utcoffset() for i in range(366)]
    return [day + i * DAY for i in range(365) if offsets[i] != offsets[i + 1]]


def windows(rng):
    for name, day in KNOWN:
        if os.path.exists(os.path.join(DIR, name)):
            yield Window(name, utc(day))
    for _ in range(12):
        name = rng.choice(ZONES)
        if os.path.exists(os.path.join(DIR, name)):
            for day in changes(name, rng.randint(1975, 2390))[:2]:
                yield Window(name, day)


def questions(rng, window):
    for _ in range(25):
        n = rng.choice([1, 1, 1, 1, 2, 3, 5])
        kinds = [rng.choice([Fields] * 12 + [Every, At])(rng, window) for _ in range(n)]
        fires = set().union(*(k.fires(window) for k in kinds))
        for begin in (window.begin, rng.randint(window.begin, window.end - DAY)):
            yield [k.text for k in kinds], begin, sorted(f for f in fires if begin < f <= window.end)


def answer_of(expected):
    last = f" {expected[-1]}" if expected else ""
    return "".join(f"{e} " for e in expected) + f"| {len(expected)}{last}"


def first_difference(got, want):
    a, b = got.split("|"), want.split("|")
    for x, y in zip(a[0].split() + ["none"], b[0].split() + ["none"]):
        if x != y:
            return f"fires at {x}, wanted {y}"
    return f"count and last are{a[1]}, wanted{b[1]}"


def main():
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    rng = random.Random(seed)
    print(f"# SEED={seed}")
    asked = failed = instants = n = 0
    for window in windows(rng):
        if not window.aligned:
            continue
        all_of = list(questions(rng, window))
        lines = ["\t".join([window.path, str(begin), str(window.end), *exprs]) for exprs, begin, _ in all_of]
        text = "".join(line + "\n" for line in lines)
        run = subprocess.run([DUMP], input=text, stdout=subprocess.PIPE, text=True)
        answers = run.stdout.splitlines()
        bad = run.returncode != 0 or len(answers) != len(all_of)
        if bad:
            print(f"# firedump: status {run.returncode}, {len(answers)} answers to {len(all_of)} questions")
        for (exprs, begin, expected), got in zip(all_of, answers):
            instants += len(expected)
            if got.strip() != answer_of(expected).strip():
                bad = True
                why = first_difference(got, answer_of(expected))
                print(f"# {' + '.join(exprs)} after {begin} ({window.name}): {why}")
        asked += len(all_of)
        failed += bad
        n += 1
        print(f"{'not ' if bad else ''}ok {n} - {window.name}")
    print(f"# {asked} questions, {instants} instants")
    print(f"1..{n}")
    return failed > 0


sys.exit(main())
