"""A real daemon while its wall clock is set forward and back: the story, whatever world it is told in (tests/vm, tests/bats).

What must hold: jobschedd(8), *The clock*.  Instants are told apart by the number of the row: what was made after a step has greater ones.
A world has start(), stop(), now(), set_clock(seconds), configure(text), write_jobs(text), ctl(words...) -> JSON and log(); and
`notices`: so many seconds may go by until the daemon sees that its clock was set back, and what they held is nobody's.
"""
import datetime
import math
import time

JOBS = """\
jobs:
  latest: {schedule: "*/%(grid)d * * * * *", command: [/bin/true]}
  skip: {schedule: "*/%(grid)d * * * * *", catch_up: skip, command: [/bin/true]}
  fixed: {schedule: "0-59/%(slow)d 0-59 0-23 * * *", command: [/bin/true]}
  every: {schedule: "@every %(slow)ds", command: [/bin/true]}
  hourly: {schedule: "0 * * * *", catch_up: all, catch_up_limit: 10, command: [/bin/true]}
  daily: {schedule: "30 2 * * *", command: [/bin/true]}
"""


def seconds(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def wait_for(what, patience=60):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return False


class Story:
    def __init__(self, world, tap, grid):
        """`grid`: seconds between the instants of the faster jobs; 60 is a multiple of twice as many."""
        self.world, self.tap, self.grid = world, tap, grid
        self.period = {"latest": grid, "skip": grid, "fixed": 2 * grid, "every": 2 * grid}

    def rows(self, job, after=0):
        """(number, first instant, last instant, count, state, reason, trigger) of the rows numbered over `after`, oldest first."""
        found = []
        for r in self.world.ctl("runs", job, "-n", "100000")["runs"]:
            if r["id"] > after and r["scheduled_at"]:
                at = seconds(r["scheduled_at"])
                until = seconds(r["scheduled_until"]) if r["scheduled_until"] else at
                found.append((r["id"], at, until, r["count"], r["state"], r["reason"], r["trigger"]))
        return sorted(found)

    def newest(self):
        return max(r["id"] for r in self.world.ctl("runs", "-n", "1")["runs"])

    def wrong(self, job, first, last, found):
        """What is wrong if the instants first … last (multiples of the job's period) are not covered once each by `found`; or None."""
        period = self.period[job]
        seen = {}
        for number, at, until, count, *_ in found:
            n = round((until - at) / period) + 1
            if n != count:
                return "row %d says %d instants, its range has %d" % (number, count, n)
            for k in range(n):
                seen.setdefault(at + k * period, []).append(number)
        twice = [t for t, by in seen.items() if len(by) > 1]
        if twice:
            return "covered twice: %s" % twice[:5]
        lacking = [t for t in range(math.ceil(first / period) * period, math.floor(last) + 1, period) if t not in seen]
        return "not covered: %s" % lacking[:5] if lacking else None

    def all_covered(self, name, first, jobs=None, after=0):
        self.settle()
        last = self.world.now() - 0.6 * self.grid
        for job in jobs or self.period:
            wrong = self.wrong(job, first, last, self.rows(job, after))
            self.tap.ok(wrong is None, "%s: each instant of %s is covered by one row" % (name, job), wrong)

    def settle(self):
        """In the middle between two instants of the grid."""
        while not 0.4 <= self.world.now() % self.grid / self.grid < 0.6:
            time.sleep(0.02 * self.grid)

    def step(self, by):
        """Sets the clock, half-way between instants.  Returns the time before and after, and the newest row's number before."""
        self.settle()
        before = self.newest()
        was = self.world.now()
        self.world.set_clock(was + by)
        return was, was + by, before

    def until_row(self, job, at, after=0):
        """Waits for a row that covers the job's first instant after `at`."""
        first = (at // self.period[job] + 1) * self.period[job]
        return wait_for(lambda: any(r[1] <= first <= r[2] for r in self.rows(job, after)))

    def goes_on(self, name, at, jobs=None, after=0):
        for job in jobs or self.period:
            self.tap.ok(self.until_row(job, at, after), "%s: %s goes on at the new time" % (name, job), self.rows(job, after)[:5])

    def begin(self):
        self.world.set_clock(datetime.datetime(2026, 5, 10, 12, 10, 2, 500000, datetime.timezone.utc).timestamp())
        self.world.write_jobs(JOBS % {"grid": self.grid, "slow": 2 * self.grid})
        self.world.start()
        start = self.world.now()
        self.goes_on("at the beginning", start)
        return start

    def forward(self, start, by, name, hours):
        was, now, before = self.step(by)
        self.goes_on(name, now, after=before)
        self.all_covered(name, start)
        jumped = [r for r in self.rows("latest", before) if was < r[1] and r[2] <= now]
        self.tap.ok([r[4:6] for r in jumped if r[4] == "missed"] == [("missed", "clock")],
                    "%s: latest has one row of what the clock jumped over" % name, jumped)
        self.tap.ok([r[3] for r in jumped if r[6] == "catch_up"] == [1], "%s: and one run that makes up for it" % name, jumped)
        jumped = [r for r in self.rows("skip", before) if was < r[1] and r[2] <= now]
        self.tap.ok([r[4:6] for r in jumped if r[4] == "missed"] == [("missed", "clock")] and sum(r[3] for r in jumped) == by // self.grid and
                    all(now - r[1] <= 60 for r in jumped if r[4] != "missed"), "%s: skip has one row, and runs what is not late" % name, jumped)
        wait_for(lambda: all(r[4] in ("succeeded", "missed") for r in self.rows("hourly", before)))
        made = self.rows("hourly", before)
        runs = [r for r in made if r[4] == "succeeded"]
        missed = [r for r in made if r[4] == "missed"]
        self.tap.ok(len(runs) == min(hours, 10) and [r[3] for r in missed] == ([hours - 10] if hours > 10 else []) and
                    all(r[5] == "limit" for r in missed), "%s: hourly makes up for all, up to its limit" % name, made)
        made = self.rows("daily", before)
        self.tap.ok([r[6] for r in made] == (["catch_up"] if hours >= 24 else []), "%s: daily once if it was jumped over" % name, made)

    def back_a_little(self, start):
        was, _, before = self.step(-30)
        self.goes_on("-30 s, when the old time is reached", was, after=before)
        self.all_covered("-30 s", start)

    def back(self, by, name, fixed_too):
        _, now, before = self.step(-by)
        now += self.world.notices
        jobs = [job for job in self.period if fixed_too or job != "fixed"]
        self.goes_on(name, now, jobs, before)
        self.all_covered(name, now, jobs, before)
        for job in ("hourly", "daily") if fixed_too else ("fixed", "hourly", "daily"):
            self.tap.ok(not self.rows(job, before), "%s: %s repeats nothing" % (name, job), self.rows(job, before)[:5])

    def nothing_due(self, name, before):
        """For two instants of the slower jobs nothing is scheduled."""
        end = self.world.now() + 4.5 * self.grid
        while self.world.now() < end:
            time.sleep(0.1)
        self.tap.ok(all(not self.rows(job, before) for job in self.period), name)

    def behind_at_the_start(self):
        """A clock that is hours behind what the state knows when the daemon starts, as on a machine without a battery."""
        self.world.stop()
        self.settle()
        was = self.world.now()
        self.world.set_clock(was - 5 * 3600)
        self.world.start()
        before = self.newest()
        self.nothing_due("five hours behind at the start: nothing is due while the clock may still be set", before)
        self.world.set_clock(was + 60)
        self.goes_on("with the clock set right", was + 60, after=before)
        self.all_covered("with the clock set right", was, after=before)

    def behind_for_good(self):
        """The same where nobody sets it: after clock_wait it goes on by the clock it has."""
        self.world.stop()
        self.world.configure("clock_wait: %ds\n" % (6 * self.grid))
        self.settle()
        now = self.world.now() - 86400
        self.world.set_clock(now)
        self.world.start()
        before = self.newest()
        self.nothing_due("a day behind at the start: nothing is due within clock_wait", before)
        self.goes_on("after clock_wait", now + 8 * self.grid, after=before)

    def told(self, lines):
        text = self.world.log()
        for line in lines:
            self.tap.ok(line in text, "the log says: " + line, "\n".join(t for t in text.splitlines() if "clock" in t)[:1500])

    def tell(self):
        start = self.begin()
        self.forward(start, 3600, "+1 h", 1)
        self.forward(start, 86400, "+1 day", 24)
        self.back_a_little(start)
        self.back(3600, "-1 h", False)
        self.back(86400, "-1 day", True)
        self.behind_at_the_start()
        self.behind_for_good()
        self.told(["the clock was set forward by 1h: what it passed over is caught up", "the clock was set forward by 1d: ",
                   "the clock was set back by 30s: nothing repeats", "the clock was set back by 1h: fixed expressions repeat nothing",
                   "the clock was set back by 1d: everything goes on at the new time",
                   "the clock is more than 3 hours behind what the state has seen"])
