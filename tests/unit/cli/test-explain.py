#!/usr/bin/env python3
"""jobctl explain --json against the conformance cases.

`make check` takes 150 of them, spread evenly; JOBSCHEDD_ALL_CASES=1 takes all, also those of a larger collection beside the sources."""
import datetime
import json
import os
import subprocess
import sys
import tempfile

top = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
build = os.environ.get("top_builddir", top)
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(top, "tests/lib"))
import tap  # noqa: E402

JOBCTL = os.path.join(build, "jobctl")
ALL = os.environ.get("JOBSCHEDD_ALL_CASES")


def cases():
    """Those that the library's own test chooses, and holds."""
    env = os.environ if ALL else {**os.environ, "JOBSCHEDD_OWN_CASES": "1"}
    p = subprocess.run([os.path.join(build, "tests/unit/calendar/test-conformance"), "--list"], env=env, capture_output=True, text=True)
    return [json.loads(line) for line in p.stdout.splitlines()]


def explain(*args):
    p = subprocess.run([JOBCTL, "explain", "--json", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    return p.returncode, p.stdout, p.stderr


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def in_zone(instant, zone):
    return instant.astimezone(zoneinfo.ZoneInfo(zone)).isoformat()


def wrong_invalid(case):
    code, out, err = explain(case["expr"])
    if code != 1:
        return f"exit {code}"
    error = json.loads(out)["error"]
    if error["code"] != "invalid_expression" or not error["message"]:
        return f"error {error}"
    if not 0 <= error["position"] <= len(case["expr"].encode()):
        return f"position {error['position']}"
    if err.count("\n") != 1:
        return f"standard error: {err!r}"
    return None


def wrong_next(case):
    wanted = case.get("expect")
    n = max(1, len(wanted or []))
    code, out, err = explain(case["expr"], "--timezone", case["tz"], "--from", case["from"], "-n", str(n))
    if code != 0 or err:
        return f"exit {code}: {err}"
    doc = json.loads(out)
    got = doc["next"]
    if doc["expression"] != case["expr"] or doc["timezone"] != case["tz"] or when(doc["from"]) != when(case["from"]) or not doc["description"]:
        return f"document {out}"
    if wanted is not None and (len(got) != len(wanted) or [when(t) for t in got] != [when(t) for t in wanted]):
        return f"next {got}, not {wanted}"
    if any(when(t) in [when(x) for x in case.get("absent", [])] for t in got[:1]):
        return f"next {got[0]} must not be"
    for t in got:
        if zoneinfo and t != in_zone(when(t), case["tz"]):
            return f"{t} is not how {case['tz']} writes it"
    return None


try:
    import zoneinfo
except ImportError:  # Python before 3.9: the offsets go unchecked
    zoneinfo = None

everything = cases()
chosen = everything if ALL else everything[:: max(1, len(everything) // 150)]
tap.ok(len(everything) > 1000 and len(chosen) >= 150, f"{len(chosen)} of {len(everything)} cases are tried")
for c in chosen:
    why = wrong_invalid(c) if c.get("invalid") else wrong_next(c)
    if not tap.ok(why is None, f"{c['id']}: {c['expr']}".replace("#", "")):
        tap.diag(f"{c}\n{why}")
for expr, zone, means in (("30 2 * * mon-fri", "Europe/Berlin", "at 02:30 on weekdays, Berlin time"),
                          ("0 0 * * FRIL", "UTC", "at 00:00 on the last Friday of the month, UTC"),
                          ("@every 15m", "Europe/Berlin", "every 15 minutes"),
                          ("@after 10m", "Europe/Berlin", "10 minutes after the end of the run before")):
    out = subprocess.run([JOBCTL, "explain", expr, "--timezone", zone], capture_output=True, text=True).stdout
    said = [line.strip() for line in out.splitlines() if line.strip().startswith("means")]
    if not tap.ok(said == ["means  " + means], f"{expr} in words".replace("#", "")):
        tap.diag(out)

# ---- of a job, and the rules of daylight saving


def doc_of(*args):
    code, out, err = explain(*args)
    return json.loads(out) if code == 0 else {"error": err}


names = ["backup", "report", "etl/load", "x"]
drawn = {n: doc_of("H H * * *", "--job", n, "--from", "2026-01-01T00:00Z", "--timezone", "UTC", "-n", "2")["next"] for n in names}
tap.ok(len({tuple(v) for v in drawn.values()}) == len(names), "--job: H is each job's own")
tap.ok(drawn["backup"] == doc_of("H H * * *", "--job", "backup", "--from", "2026-01-01T00:00Z", "--timezone", "UTC", "-n", "2")["next"], "… and always the same")
tap.ok(doc_of("H H * * *", "--from", "2026-01-01T00:00Z", "--timezone", "UTC", "-n", "2")["next"] != drawn["backup"], "… not that of no job")
with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "j.yaml"), "w", encoding="utf-8") as f:
        f.write('jobs:\n  backup: {schedule: "H 0~23 * * *", command: "true", timezone: UTC}\n')
    p = subprocess.run([JOBCTL, "simulate", "--no-history", "--jobs-dir", folder, "--from", "2026-01-01T00:00Z", "--to", "2026-01-02T23:59Z", "--json"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    ran = [json.loads(line)["at"] for line in p.stdout.splitlines()[:-1]]
    want = doc_of("H 0~23 * * *", "--job", "backup", "--from", "2025-12-31T23:59:59Z", "--timezone", "UTC", "-n", "2")["next"]
    tap.ok([when(t) for t in ran] == [when(t) for t in want], "the job itself draws the same")

ARGS = ("30 2 * * *", "--timezone", "Europe/Berlin", "--from", "2026-10-24T00:00Z", "-n", "3")
for rule, want, why in [("once", ["24T02:30:00+02:00", "25T02:30:00+02:00", "26T02:30:00+01:00"], "due the first time only"),
                        ("wall", ["24T02:30:00+02:00", "25T02:30:00+02:00", "25T02:30:00+01:00"], "due both times"),
                        ("skip", ["24T02:30:00+02:00", "26T02:30:00+01:00", "27T02:30:00+01:00"], "skipped (dst)")]:
    doc = doc_of(*ARGS, "--dst", rule)
    tap.is_([t[8:] for t in doc["next"]], want, f"--dst {rule}")
    if not tap.ok(len(doc["odd"]) == 2 and why in doc["odd"][0]["why"], "… and what is odd about it"):
        tap.diag(doc["odd"])
tap.is_(doc_of(*ARGS), doc_of(*ARGS, "--dst", "once"), "once is the default")
tap.ok("2027-03-28T03:00:00+02:00" == doc["odd"][1]["at"] and "skipped (dst)" in doc["odd"][1]["why"], "skip: a gap")
tap.done()
