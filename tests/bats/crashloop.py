#!/usr/bin/env python3
"""Kill -9 in the middle of everything, again and again: no instant lost or doubled, no attempt twice, every status exact.

Each round starts the daemon and kills it 0 to 500 ms after it is ready, while many runs are due; one in four aims at the 20 ms
after a full second, in which all of them start, and more such follow until enough have hit.  In the end each due instant of
each job is covered by exactly one row, no attempt ran twice (the job appends to a synced file), and every finished attempt's
status is the one that its job chose.  At least one kill in ten must have hit an attempt between its commit and its start,
or the test has not tested what it is for.

CRASH_ROUNDS (20), CRASH_JOBS (60), CRASH_SEED.
"""
import collections
import datetime
import glob
import os
import random
import shutil
import sqlite3
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/lib"))
from sched import Daemon, Tap, built, lock_holder  # noqa: E402

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "20"))
JOBS = int(os.environ.get("CRASH_JOBS", "60"))
SEED = int(os.environ.get("CRASH_SEED", str(random.SystemRandom().randrange(1 << 30))))

JOB = """\
  crash-%03d:
    schedule: "* * * * * *"
    catch_up: %s
    concurrency: %s
    command: '%s append %s; exit $((JOB_RUN_ID %% 7))'
"""


def seconds(text):
    return int(datetime.datetime.fromisoformat(text).timestamp())


def in_the_gap(root):
    """Committed `starting` rows whose record does not say that the command was about to be run."""
    db = sqlite3.connect(os.path.join(root, "var/lib/jobsched/state.db"), timeout=10)
    try:
        state = STARTING
        rows = db.execute("select id, start from run where state = ?", (state,)).fetchall()
    finally:
        db.close()
    n = 0
    for run, start in rows:
        path = os.path.join(root, "run/jobsched/runs/%d.%d/record" % (run, start))
        try:
            with open(path, "rb") as f:
                n += record_state(f.read()) in ("missing", "created")
        except FileNotFoundError:
            n += 1
    return n


STARTING = 2  # daemon/tbl/states.h


def record_state(data):
    """The state in an attempt's record (daemon/proto/record.c): the fifth field of 8 bytes after a head of 16."""
    if len(data) < 56:
        return "missing"
    return "created" if struct.unpack_from("<Q", data, 48)[0] == 1 else "later"


def main():
    tap = Tap()
    rng = random.Random(SEED)
    root = tempfile.mkdtemp(prefix="jobsched-crash-")
    d = Daemon(root)
    stamps = os.path.join(root, "stamps")
    tap.note("seed %d, %d rounds, %d jobs" % (SEED, ROUNDS, JOBS))
    try:
        kinds = [("latest", "forbid"), ("all", "forbid"), ("latest", "allow"), ("latest", "queue"), ("skip", "forbid")]
        text = "jobs:\n"
        for i in range(JOBS):
            catch_up, concurrency = kinds[i % len(kinds)]
            text += JOB % (i, catch_up, concurrency, built("tests/lib/probe"), stamps)
        d.write_job_file("crash.yaml", text)
        begin = time.time()
        gaps = 0
        kills = 0
        while kills < ROUNDS or (gaps * 10 < kills and kills < 5 * ROUNDS):
            d.start()
            if kills >= ROUNDS or kills % 4 == 3:
                time.sleep(1 - time.time() % 1 + rng.random() * 0.02)
            else:
                time.sleep(rng.random() * 0.5)
            d.kill()
            kills += 1
            gaps += in_the_gap(root) > 0
        d.start()
        # Off, so that what is on its way can end.
        d.ctl("disable", *["crash-%03d" % i for i in range(JOBS)])
        end = time.monotonic() + 120
        while True:
            live = d.json("runs", "--state", "waiting,queued,starting,running,backoff")["runs"]
            if not live or time.monotonic() > end:
                break
            time.sleep(0.2)
        tap.ok(not live, "every run came to an end", live[:3])
        runs = d.json("runs")["runs"]
        tap.note("%d rows, %.0f s, kills between commit and start: %d of %d" % (len(runs), time.time() - begin, gaps, kills))
        check_instants(tap, runs)
        check_stamps(tap, runs, stamps)
        tap.ok(d.terminate() == 0, "the daemon stops when told")
        tap.ok(gaps * 10 >= kills, "one kill in ten came between an attempt's commit and its start", "%d of %d" % (gaps, kills))
        left = [r for r in glob.glob(os.path.join(d.runs_dir, "*/record")) if lock_holder(r)]
        tap.ok(not left, "no supervisor is left", left[:3])
    finally:
        d.clean_up(tap)
        if tap.failures and os.environ.get("CRASH_KEEP"):
            tap.note("kept: " + root)
        else:
            shutil.rmtree(root, ignore_errors=True)
    return tap.done()


def check_instants(tap, runs):
    """Every second from a job's first row to its last is in exactly one row."""
    cover = collections.defaultdict(lambda: collections.defaultdict(list))
    wrong_count = []
    for r in runs:
        if r["trigger"] == "manual" or r["scheduled_at"] is None:
            continue
        a, b = seconds(r["scheduled_at"]), seconds(r["scheduled_until"] or r["scheduled_at"])
        if r["count"] != b - a + 1:
            wrong_count.append(r)
        for t in range(a, b + 1):
            cover[r["job"]][t].append(r["id"])
    doubled, holes = [], []
    for name, instants in cover.items():
        lo, hi = min(instants), max(instants)
        doubled += [(name, t, ids) for t, ids in instants.items() if len(ids) != 1]
        holes += [(name, t) for t in range(lo, hi + 1) if t not in instants]
    tap.ok(len(cover) == JOBS, "every job has rows")
    tap.ok(not wrong_count, "a row's count is the number of its instants", wrong_count[:3])
    tap.ok(not doubled, "no instant is covered twice", doubled[:5])
    tap.ok(not holes, "no instant is without a row", holes[:5])


def check_stamps(tap, runs, stamps):
    """The probe's lines: run, attempt, pid.  Each run exits with its number modulo 7."""
    ran = collections.Counter()
    with open(stamps) as f:
        for line in f:
            run, attempt, _pid = line.split()
            ran[(int(run), int(attempt))] += 1
    twice = [k for k, n in ran.items() if n != 1]
    tap.ok(not twice, "no attempt ran twice", twice[:5])
    by_id = {r["id"]: r for r in runs}
    unknown = [k for k, _ in ran.items() if k[0] not in by_id]
    tap.ok(not unknown, "nothing ran without a row", unknown[:5])
    finished = [r for r in runs if r["state"] in ("succeeded", "failed")]
    bad = [r for r in finished if r["exit_code"] != r["id"] % 7]
    tap.ok(len(finished) > 0, "runs finished")
    tap.ok(not bad, "every finished attempt's status is exact", bad[:3])
    lost = [r for r in runs if r["state"] == "lost"]
    tap.ok(not lost, "no run was lost: no supervisor was killed", lost[:3])
    runs_seen = {run for run, _ in ran}
    ghosts = [r for r in finished if r["id"] not in runs_seen]
    tap.ok(not ghosts, "no run finished that did not run", ghosts[:3])


if __name__ == "__main__":
    sys.exit(main())
