#!/usr/bin/env python3
"""Many runs alive while the daemon is killed and started again: all found again, every exit code exact, no gap in the output.

SURVIVE_RUNS (60): how many.
"""
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/lib"))
from sched import Daemon, Tap  # noqa: E402

RUNS = int(os.environ.get("SURVIVE_RUNS", "60"))

# Prints a line every so often (all of them together a few hundred a second) until it is told to end, then exits with a code of its own.
JOB = """\
  alive-%04d:
    command: 'i=0; while [ ! -e "$STOP" ]; do echo "line $i"; i=$((i+1)); sleep %.1f; done; echo "last $i"; exit $((JOB_RUN_ID %% 251))'
    env: {STOP: %s}
    success_codes: [0]
"""


def main():
    tap = Tap()
    root = tempfile.mkdtemp(prefix="jobsched-survive-")
    stop = os.path.join(root, "stop")
    d = Daemon(root)
    try:
        with open(os.path.join(root, "etc/jobschedd.yaml"), "w") as f:
            f.write("max_running: %d\nmax_starting: 16\n" % (RUNS + 10))
        for i in range(RUNS):
            d.write_job_file("alive-%04d.yaml" % i, "jobs:\n" + JOB % (i, max(0.2, RUNS / 200) + i % 7 / 10, stop))
        d.start()
        names = ["alive-%04d" % i for i in range(RUNS)]
        runs = []
        for i in range(0, RUNS, 100):
            runs += d.json("run", "--yes", *names[i:i + 100])["runs"]
        tap.ok(len(runs) == RUNS, "every job has a run")
        wait_until(lambda: running(d) == RUNS, 120)
        tap.ok(running(d) == RUNS, "%d runs are alive" % RUNS, running(d))
        before = set(d.supervisors())
        d.kill()
        begin = time.monotonic()
        d.start()
        ready = time.monotonic() - begin
        begin = time.monotonic()
        wait_until(lambda: running(d) == RUNS, 60)
        tap.note("ready after %.2f s, all found again after %.2f s more" % (ready, time.monotonic() - begin))
        tap.ok(running(d) == RUNS, "all are found again", running(d))
        tap.ok(set(d.supervisors()) == before, "by the same supervisors: nothing was started anew")
        open(stop, "w").close()
        wait_until(lambda: running(d) == 0, 120)
        rows = {r["id"]: r for r in d.json("runs")["runs"]}
        wrong = [(i, rows.get(i, {}).get("state"), rows.get(i, {}).get("exit_code")) for i in runs
                 if rows.get(i, {}).get("exit_code") != i % 251]
        tap.ok(not wrong, "every exit code is exact", wrong[:5])
        tap.ok(all(rows[i]["attempt"] == 1 for i in runs if i in rows), "by its first attempt")
        gaps = []
        for i in runs[:: max(1, RUNS // 40)]:
            lines = d.ctl("logs", str(i)).stdout.decode().split("\n")[:-1]
            n = len(lines) - 1
            if lines != ["line %d" % k for k in range(n)] + ["last %d" % n]:
                gaps.append((i, lines[:3], lines[-3:]))
        tap.ok(not gaps, "the output has no gap", gaps[:2])
        tap.ok(d.terminate() == 0, "the daemon stops when told")
    finally:
        open(stop, "w").close()
        d.clean_up(tap)
        shutil.rmtree(root, ignore_errors=True)
    return tap.done()


def running(d):
    return d.json("status")["runs"]["running"]


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
