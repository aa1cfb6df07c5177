#!/usr/bin/env python3
"""Inside a machine of its own: the service under systemd while the wall clock is set forward and back.

What must hold: jobschedd(8), *The clock*.  Instants are told apart by the number of the row: what was made after a step has greater ones.
"""
import datetime
import json
import subprocess
import sys
import time

JOBS = """\
jobs:
  latest: {schedule: "*/5 * * * * *", command: [/bin/true]}
  skip: {schedule: "*/5 * * * * *", catch_up: skip, command: [/bin/true]}
  fixed: {schedule: "0-59/10 0-59 0-23 * * *", command: [/bin/true]}
  every: {schedule: "@every 10s", command: [/bin/true]}
  hourly: {schedule: "0 * * * *", catch_up: all, catch_up_limit: 10, command: [/bin/true]}
  daily: {schedule: "30 2 * * *", command: [/bin/true]}
"""
PERIOD = {"latest": 5, "skip": 5, "fixed": 10, "every": 10}
count = failed = 0


def ok(good, what, *seen):
    global count, failed
    count += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", count, what))
    if not good:
        for s in seen:
            print("# " + str(s)[:1500])
    sys.stdout.flush()


def run(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)


def ctl(*argv):
    r = run("jobctl", *argv, "--json")
    if r.returncode != 0:
        raise RuntimeError("jobctl %s: %d: %s" % (" ".join(argv), r.returncode, r.stdout))
    return json.loads(r.stdout)


def seconds(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def rows(job, after=0):
    """(number, first instant, last instant, count, state, reason, trigger) of the rows numbered over `after`, oldest first."""
    found = []
    for r in ctl("runs", job, "-n", "100000")["runs"]:
        if r["id"] > after and r["scheduled_at"]:
            at = seconds(r["scheduled_at"])
            until = seconds(r["scheduled_until"]) if r["scheduled_until"] else at
            found.append((r["id"], at, until, r["count"], r["state"], r["reason"], r["trigger"]))
    return sorted(found)


def newest():
    return max(r["id"] for r in ctl("runs", "-n", "1")["runs"])


def wait_for(what, seconds_long=60):
    end = time.monotonic() + seconds_long
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.2)
    return False


def covered(job, first, last, found):
    """Says what is wrong if the instants first … last (multiples of the job's period) are not covered once each by `found`."""
    period = PERIOD[job]
    seen = {}
    for r in found:
        t = r[1]
        n = 0
        while t <= r[2]:
            seen.setdefault(t, []).append(r[0])
            t += period
            n += 1
        if n != r[3]:
            return "row %d says %d instants, its range has %d" % (r[0], r[3], n)
    twice = [t for t, by in seen.items() if len(by) > 1]
    if twice:
        return "covered twice: %s" % twice[:5]
    t = -(-first // period) * period
    while t <= last:
        if t not in seen:
            return "not covered: %d" % t
        t += period
    return None


def set_clock(at):
    time.clock_settime(time.CLOCK_REALTIME, at)


def settle():
    """In the middle between two instants of a five-second grid, with nothing under way."""
    while not 2 <= time.time() % 5 < 3:
        time.sleep(0.1)


def step(by):
    """Sets the clock, half-way between instants.  Returns the time before and after, and the newest row's number before."""
    settle()
    before = newest()
    was = time.time()
    set_clock(was + by)
    return was, was + by, before


def until_row(job, at, after=0):
    """Waits for a row that covers the job's first instant after `at`."""
    first = (at // PERIOD[job] + 1) * PERIOD[job]
    return wait_for(lambda: any(r[1] <= first <= r[2] for r in rows(job, after)))


def begin():
    set_clock(datetime.datetime(2026, 5, 10, 12, 10, 2, 500000, datetime.timezone.utc).timestamp())
    with open("/etc/jobs.d/clock.yaml", "w") as f:
        f.write(JOBS)
    r = run("systemctl", "start", "jobschedd.service")
    ok(r.returncode == 0, "the service starts", r.stdout, run("journalctl", "-u", "jobschedd", "--no-pager", "-n", "30").stdout)
    start = time.time()
    for job in PERIOD:
        ok(until_row(job, start), "%s has its first instant" % job)
    return start


def forward(start, by, name, hours):
    was, now, before = step(by)
    for job in PERIOD:
        ok(until_row(job, now, before), "%s: %s goes on at the new time" % (name, job), rows(job, before))
    settle()
    end = time.time()
    for job in PERIOD:
        wrong = covered(job, start, end - 3, rows(job))
        ok(wrong is None, "%s: each instant of %s is covered by one row" % (name, job), wrong)
    jumped = [r for r in rows("latest", before) if was < r[1] and r[2] <= now]
    ok([r[4:6] for r in jumped if r[4] == "missed"] == [("missed", "clock")], "%s: latest has one row of what the clock jumped over" % name, jumped)
    ok([r[3] for r in jumped if r[6] == "catch_up"] == [1], "%s: and one run that makes up for it" % name, jumped)
    jumped = [r for r in rows("skip", before) if was < r[1] and r[2] <= now]
    ok([(r[3], r[4], r[5]) for r in jumped] == [(by // 5 - 1, "missed", "clock"), (1, "succeeded", None)], "%s: skip has one row, and what is not late runs" % name, jumped)
    wait_for(lambda: all(r[4] in ("succeeded", "missed") for r in rows("hourly", before)))
    made = [r for r in rows("hourly", before)]
    runs = [r for r in made if r[4] == "succeeded"]
    missed = [r for r in made if r[4] == "missed"]
    ok(len(runs) == min(hours, 10) and [r[3] for r in missed] == ([hours - 10] if hours > 10 else []) and
       all(r[5] == "limit" for r in missed), "%s: hourly makes up for all, up to its limit" % name, made)
    made = rows("daily", before)
    ok([r[6] for r in made] == (["catch_up"] if hours >= 24 else []), "%s: daily once if it was jumped over" % name, made)


def back_a_little(start):
    was, now, before = step(-30)
    for job in PERIOD:
        ok(until_row(job, was, before), "-30 s: %s goes on once the old time is reached" % job)
    settle()
    end = time.time()
    for job in PERIOD:
        wrong = covered(job, start, end - 3, rows(job))
        ok(wrong is None, "-30 s: nothing of %s was repeated or left out" % job, wrong)


def back(by, name, fixed_too):
    was, now, before = step(-by)
    for job in PERIOD:
        if job != "fixed" or fixed_too:
            ok(until_row(job, now, before), "%s: %s goes on at the new time" % (name, job), rows(job, before)[:5])
    settle()
    end = time.time()
    for job in PERIOD:
        new = rows(job, before)
        if job != "fixed" or fixed_too:
            wrong = covered(job, now, end - 3, new)
            ok(wrong is None, "%s: each instant of %s after it is covered by one row" % (name, job), wrong)
        else:
            ok(not new, "%s: a fixed expression repeats nothing" % name, new)
    for job in ("hourly", "daily"):
        ok(not rows(job, before), "%s: %s neither" % (name, job), rows(job, before))


def behind_at_the_start():
    """A clock that is hours behind what the state knows when the daemon starts, as on a machine without a battery."""
    run("systemctl", "stop", "jobschedd.service")
    settle()
    was = time.time()
    set_clock(was - 5 * 3600)
    run("systemctl", "start", "jobschedd.service")
    before = newest()
    time.sleep(12)
    ok(all(not rows(job, before) for job in PERIOD), "five hours behind at the start: nothing is due while the clock may still be set")
    set_clock(was + 60)
    for job in PERIOD:
        ok(until_row(job, was + 60, before), "and with the clock set right %s goes on" % job, rows(job, before))
    settle()
    for job in PERIOD:
        wrong = covered(job, was + 4, time.time() - 3, rows(job, before))
        ok(wrong is None, "and each instant of %s is covered by one row" % job, wrong)


def behind_for_good():
    """The same where nobody sets it: after clock_wait it goes on by the clock it has."""
    with open("/etc/jobschedd.yaml", "w") as f:
        f.write("clock_wait: 15s\n")
    run("systemctl", "stop", "jobschedd.service")
    settle()
    now = time.time() - 86400
    set_clock(now)
    run("systemctl", "start", "jobschedd.service")
    before = newest()
    time.sleep(7)
    ok(all(not rows(job, before) for job in PERIOD), "a day behind at the start: nothing is due within clock_wait")
    for job in PERIOD:
        ok(until_row(job, now + 20, before), "after clock_wait %s goes on by the clock there is" % job, rows(job, before))


def loud():
    text = run("journalctl", "-u", "jobschedd", "--no-pager", "-o", "cat").stdout
    for line in ("the clock was set forward by 1h: what it passed over is caught up", "the clock was set forward by 1d: ",
                 "the clock was set back by 30s: nothing repeats", "the clock was set back by 1h: fixed expressions repeat nothing",
                 "the clock was set back by 1d: everything goes on at the new time",
                 "the clock is more than 3 hours behind what the state has seen"):
        ok(line in text, "the journal says: " + line, [t for t in text.splitlines() if "clock" in t][:20])


def main():
    start = begin()
    forward(start, 3600, "+1 h", 1)
    forward(start, 86400, "+1 day", 24)
    back_a_little(start)
    back(3600, "-1 h", False)
    back(86400, "-1 day", True)
    behind_at_the_start()
    behind_for_good()
    loud()
    ok(run("systemctl", "is-active", "jobschedd.service").stdout.strip() == "active", "the service has lived through it all")
    print("1..%d" % count)
    return 1 if failed else 0


sys.exit(main())
