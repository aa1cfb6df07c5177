#!/usr/bin/env python3
"""Next instants against an oracle that shares no code with the daemon: minute by minute through a few days around an
offset change, and day by day through many years, with Python's zoneinfo. Random expressions; SEED=n repeats a run.
With --all: every zone of the system, 1970 to 2400. Prints TAP.
"""
import calendar
import functools
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
ALL = "--all" in sys.argv
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


@functools.lru_cache(100000)
def nearest_weekday(year, month, wanted):
    n = calendar.monthrange(year, month)[1]
    if not 1 <= wanted <= n:
        return None
    return min((abs(d - wanted), d) for d in range(1, n + 1) if calendar.weekday(year, month, d) < 5)[1]


def days_left(t):
    return calendar.monthrange(t.year, t.month)[1] - t.day


def odd_day(rng):
    """An element of day-of-month that is not a number: its text, and whether a day is meant."""
    n = rng.choice([0, 1, 2, 3, 27, 28, 29, 30, rng.randint(0, 30)])
    d = rng.choice([1, 2, 15, 28, 29, 30, 31, rng.randint(1, 31)])
    text = rng.choice(["L", "l"]) if n == 0 and rng.random() < 0.9 else f"L-{n}"
    return rng.choice([
        (text, lambda t: days_left(t) == n),
        (f"{d}{rng.choice('Ww')}", lambda t: nearest_weekday(t.year, t.month, d) == t.day),
        (f"{text}W", lambda t: nearest_weekday(t.year, t.month, t.day + days_left(t) - n) == t.day),
    ])


def odd_weekday(rng):
    """The same for day-of-week."""
    d, n = rng.randint(0, 7), rng.randint(1, 5)
    name = rng.choice([str(d), NAMES["dow"][d % 7], NAMES["dow"][d % 7].upper()])
    return rng.choice([
        (f"{name}{rng.choice('Ll')}", lambda t: t.isoweekday() % 7 == d % 7 and days_left(t) < 7),
        (f"{name}#{n}", lambda t: t.isoweekday() % 7 == d % 7 and (t.day + 6) // 7 == n),
    ])


class Field:
    """A field's text and what it stands for, made together: nothing here reads an expression."""

    def __init__(self, rng, low, high, near, names=None, odd=None):
        shape = rng.choice("*******//llrrRn11")
        self.odd = []
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
        if odd and rng.random() < 0.4:
            some = [odd(rng) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
            self.odd = [meant for _, meant in some]
            texts = [text for text, _ in some]
            if not self.star and rng.random() < 0.7:
                self.text, self.values = ",".join(texts), set()
            elif self.star or rng.random() < 0.5:
                self.text = ",".join([self.text, *texts])
            else:
                self.text = ",".join([*texts, self.text])

    def holds(self, value, t):
        return value in self.values or any(meant(t) for meant in self.odd)


class Fields:
    def __init__(self, rng, window):
        d = window.middle
        self.second = Field(rng, 0, 59, [0, 59, 30]) if rng.random() < 0.15 else None
        self.minute = Field(rng, 0, 59, [0, 30, 59, 1])
        self.hour = Field(rng, 0, 23, [0, 1, 2, 3, 23, d.hour])
        self.dom = Field(rng, 1, 31, [d.day, (d + timedelta(1)).day, (d - timedelta(1)).day], odd=odd_day)
        self.month = Field(rng, 1, 12, [d.month], NAMES["month"])
        self.dow = Field(rng, 0, 6, [], NAMES["dow"], odd_weekday)
        if self.second and len(self.second.values) > 6:
            self.second.values, self.second.text, self.second.star = {0, 20}, "0,20", False
        fields = [self.second, self.minute, self.hour, self.dom, self.month, self.dow]
        self.text = " ".join(f.text for f in fields if f)
        self.interval = any(f.star for f in fields[:3] if f)
        if rng.random() < 0.1:  # dst: wall
            self.text, self.interval = "wall " + self.text, True
        self.days = {}

    def matches_day(self, t):
        dom, dow = self.dom.holds(t.day, t), self.dow.holds(t.isoweekday() % 7, t)
        return t.month in self.month.values and (dom and dow if self.dom.star or self.dow.star else dom or dow)

    def matches(self, t):
        if t.minute not in self.minute.values or t.hour not in self.hour.values:
            return False
        day = t.date()
        if day not in self.days:
            self.days[day] = self.matches_day(day)
        return self.days[day]

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
        self.aligned = all(t.second == 0 for _, t in self.minutes)
        if not self.aligned:
            return
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


def changes(name, year):
    with open(os.path.join(DIR, name), "rb") as f:
        zone = ZoneInfo.from_file(f)
    day = utc(f"{year}-01-01")
    offsets = [datetime.fromtimestamp(day + i * DAY, zone).utcoffset() for i in range(366)]
    return [day + i * DAY for i in range(365) if offsets[i] != offsets[i + 1]]


def all_zones():
    seen = set()
    for root, dirs, files in os.walk(DIR):
        dirs[:] = sorted(d for d in dirs if d not in ("posix", "right"))
        for name in sorted(files):
            path = os.path.join(root, name)
            with open(path, "rb") as f:
                data = f.read()
            if data[:4] == b"TZif" and data not in seen: # one of those that are linked
                seen.add(data)
                yield os.path.relpath(path, DIR)


def all_windows(rng):
    for name in all_zones():
        yield Years(name, 1970, 2185)
        yield Years(name, 2185, 2400)
        yield Gaps(name, 2010, 2400)
        years = rng.sample(range(1971, 2037), 66) + rng.sample(range(2037, 2400), 4)
        found = 0
        for year in years:
            days = changes(name, year)
            if days:
                yield Window(name, rng.choice(days))
                found += 1
            if found == 3:
                break


def windows(rng):
    for _ in range(4):
        year = rng.randint(1970, 2360)
        name = rng.choice(ZONES)
        if os.path.exists(os.path.join(DIR, name)):
            yield Years(name, year, year + 40)
    for name in "Europe/Berlin America/New_York Australia/Lord_Howe Antarctica/Troll Africa/Cairo America/Santiago".split():
        if os.path.exists(os.path.join(DIR, name)):
            yield Gaps(name, 2030, 2100)
    for name, day in KNOWN:
        if os.path.exists(os.path.join(DIR, name)):
            yield Window(name, utc(day))
    for _ in range(12):
        name = rng.choice(ZONES)
        if os.path.exists(os.path.join(DIR, name)):
            for day in changes(name, rng.randint(1975, 2390))[:2]:
                yield Window(name, day)


class Years:
    """All days of some years, for fixed expressions that are due at one time of day. The instant of a local time is what
    zoneinfo makes of it; of one that does not exist, the change that skips it."""

    def __init__(self, name, first, last):
        self.path = os.path.join(DIR, name)
        self.name = f"{name} {first}-{last}"
        with open(self.path, "rb") as f:
            self.zone = ZoneInfo.from_file(f)
        self.begin = utc(f"{first}-01-01") + DAY
        self.end = utc(f"{last}-12-31") - DAY
        self.days = [datetime(first, 1, 1) + timedelta(i) for i in range((last - first + 1) * 366)]
        self.middle = datetime((first + last) // 2, 1, 1)

    def instant(self, local):
        at = int(local.replace(tzinfo=self.zone).timestamp())  # fold=0: the first time; skipped: by the offset before
        shown = lambda u: datetime.fromtimestamp(u, self.zone).replace(tzinfo=None, fold=0)
        if shown(at) == local:
            return at
        low, high = at - 2 * DAY, at + 2 * DAY  # the local clock is before `local`, and after it
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if shown(middle) < local else (low, middle)
        return high

    def questions(self, rng, n):
        for _ in range(n):
            k = Fields(rng, self)
            hour, minute = rng.choice([(0, 0), (0, 30), (1, 30), (2, 30), (23, 59), (rng.randint(0, 23), 5)])
            expr = f"{minute} {hour} {k.dom.text} {k.month.text} {k.dow.text}"
            fires = {self.instant(d.replace(hour=hour, minute=minute)) for d in self.days if k.matches_day(d)}
            yield [expr], self.begin, sorted(f for f in fires if self.begin < f <= self.end)


class Gaps(Years):
    """Intervals whose matches fall into the gap that a zone's rule makes each year, all of them or nearly: to be given up,
    but not too early."""

    def __init__(self, name, first, last):
        super().__init__(name, first, last)
        self.name += " in gaps"
        self.gaps = []
        for day in changes(name, 2100):
            shown = [datetime.fromtimestamp(u, self.zone).replace(tzinfo=None, fold=0) for u in range(day, day + 2 * DAY, 600)]
            jump = [(a + timedelta(minutes=10), b) for a, b in zip(shown, shown[1:]) if b - a > timedelta(minutes=10)]
            self.gaps += [(a, b - timedelta(minutes=1)) for a, b in jump if a.date() == (b - timedelta(minutes=1)).date()]

    def due(self, local):
        """The instants at which the clock shows this: none, one, two."""
        for fold in (0, 1):
            at = int(local.replace(tzinfo=self.zone, fold=fold).timestamp())
            if datetime.fromtimestamp(at, self.zone).replace(tzinfo=None, fold=0) == local:
                yield at

    def questions(self, rng, n):
        for a, b in self.gaps[:1]:
            weekday, nth = a.isoweekday() % 7, (a.day + 6) // 7
            for _ in range(n):
                k = Fields(rng, self)
                month = rng.choice([str(a.month), str(a.month), f"{min(2, a.month)},{max(2, a.month)}"])
                dow = rng.choice([f"{weekday}L", f"{weekday}#{nth}", f"{weekday}#{nth}", f"{weekday}#{nth},{weekday}L"])
                k.dom.text, k.dom.values, k.dom.odd = rng.choice(
                    [("*", range(32), [])] * 3 + [("*/28,30,31", (1, 29, 30, 31), []), ("*/7", range(1, 32, 7), [])])
                k.dom.star, k.dow.star, k.dow.values, k.month.values = True, False, (), set(map(int, month.split(",")))
                k.dow.odd = [lambda t, e=e: t.isoweekday() % 7 == weekday and
                             (days_left(t) < 7 if e[-1] == "L" else (t.day + 6) // 7 == int(e[-1])) for e in dow.split(",")]
                step = rng.choice([10, 15, 30])
                expr = f"*/{step} {a.hour}-{b.hour} {k.dom.text} {month} {dow}"
                fires = {at for d in self.days if k.matches_day(d) for h in range(a.hour, b.hour + 1)
                         for m in range(0, 60, step) for at in self.due(d.replace(hour=h, minute=m))}
                yield [expr], self.begin, sorted(f for f in fires if self.begin < f <= self.end)


def questions(rng, window):
    if isinstance(window, Years):
        yield from window.questions(rng, 1 if ALL else 4)
        return
    for _ in range(8 if ALL else 25):
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
    for window in all_windows(rng) if ALL else windows(rng):
        if isinstance(window, Window) and not window.aligned:
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
