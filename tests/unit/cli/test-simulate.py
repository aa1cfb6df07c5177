#!/usr/bin/env python3
"""jobctl simulate: what it says would happen, against what must."""
import csv
import datetime
import io
import json
import os
import shutil
import sys
import tempfile

top = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(top, "tests/lib"))
import tap  # noqa: E402
from fakedaemon import FakeDaemon, job_row, run, run_row  # noqa: E402

folder = tempfile.mkdtemp(prefix="test-simulate-")
number = 0


def jobs(text, config=None):
    """A folder with these jobs; arguments for jobctl."""
    global number
    number += 1
    d = os.path.join(folder, str(number))
    os.makedirs(d)
    with open(os.path.join(d, "jobs.yaml"), "w", encoding="utf-8") as f:
        f.write("defaults: {timezone: UTC}\njobs:\n" + text)
    if config is None:
        return ["--jobs-dir", d]
    with open(os.path.join(d, "config"), "w", encoding="utf-8") as f:
        f.write(config)
    return ["--jobs-dir", d, "--config", os.path.join(d, "config")]


def job(name, schedule, **keys):
    return f"  {name}: {{schedule: \"{schedule}\", command: \"true\"" + "".join(f", {k}: {v}" for k, v in keys.items()) + "}\n"


def simulate(args, *more, json_option=("--json",)):
    code, out, err = run("simulate", "--no-history", *args, "--from", "2026-03-10T00:00Z", *json_option, *more)
    if code != 0:
        tap.diag(err)
        return [], {}
    lines = [json.loads(x) for x in out.splitlines()]
    if set(lines[-1]) != {"summary"}:
        tap.diag(f"no summary: {lines[-1]}")
        return lines, {}
    return lines[:-1], lines[-1]["summary"]


def clock(text):
    """The minutes after the beginning of 10 March (in UTC) of a time."""
    t = datetime.datetime.fromisoformat(text) - datetime.datetime(2026, 3, 10, tzinfo=datetime.timezone.utc)
    return t.total_seconds() / 60


def told(lines):
    return [(clock(x["at"]), x["decision"], x["reason"], clock(x["started_at"]) if x.get("started_at") else None) for x in lines]


os.environ.update(HOME=folder, TZ="UTC")

# ---- which instants
lines, total = simulate(jobs(job("a", "0 * * * *") + job("b", "@every 30m")), "--to", "2026-03-10T02:00Z")
tap.is_([(x["job"], clock(x["at"])) for x in lines],
        [("a", 0), ("b", 0), ("b", 30), ("a", 60), ("b", 60), ("b", 90), ("a", 120), ("b", 120)], "every instant is a line, both ends included")
tap.is_(set(lines[0]), {"at", "job", "decision", "reason", "trigger", "started_at", "waited"}, "members of a line")
tap.ok(all(x["decision"] == "run" and x["reason"] is None and x["waited"] == 0 and x["started_at"] == x["at"] for x in lines), "all of them run at once")
tap.is_((total["instants"], total["run"], total["skipped"], total["missed"], total["succeeded"]), (8, 8, 0, 0, 8), "the sum")
tap.is_([(j["job"], j["run"]) for j in total["jobs"]], [("a", 3), ("b", 5)], "… of each job")
tap.is_((total["peak"]["runs"], clock(total["peak"]["at"])), (2, 0), "… and the peak")
tap.is_(total["longest_wait"], None, "… nothing waited")

zones = jobs("  night: {schedule: \"30 2 * * *\", command: \"true\", timezone: Europe/Berlin}\n")
lines, _ = simulate(zones, "--to", "2026-11-10T00:00Z")
code, out, _ = run("explain", "30 2 * * *", "--timezone", "Europe/Berlin", "--from", "2026-03-09T23:59:59Z", "-n", "245", "--json")
want = [datetime.datetime.fromisoformat(t).astimezone(datetime.timezone.utc) for t in json.loads(out)["next"]]
tap.is_([datetime.datetime.fromisoformat(x["at"]).astimezone(datetime.timezone.utc) for x in lines], want[:len(lines)], "the instants are those of explain, over daylight saving")
tap.ok(len(lines) == 245, "… all of them")

# ---- overlaps; a run takes 25 minutes, an instant comes every 10
for how, want in [
    ("forbid", [(0, "run", None, 0), (10, "skipped", "concurrency", None), (20, "skipped", "concurrency", None), (30, "run", None, 30)]),
    # The run of 10 goes at 25; that of 30 behind it is let in, as there is one to wait.
    ("queue", [(0, "run", None, 0), (20, "skipped", "concurrency", None), (10, "run", "concurrency", 25), (30, "run", "concurrency", None)]),
    ("replace", [(0, "run", None, 0), (10, "run", None, 10), (20, "run", None, 20), (30, "run", None, 30)]),
    ("allow", [(0, "run", None, 0), (10, "run", None, 10), (20, "run", None, 20), (30, "run", None, 30)]),
]:
    lines, total = simulate(jobs(job("a", "*/10 * * * *", concurrency=how)), "--to", "2026-03-10T00:30Z", "--duration", "25m")
    tap.is_(told(lines), want, f"concurrency: {how}")
    if how == "allow":
        tap.is_((total["peak"]["runs"], clock(total["peak"]["at"])), (3, 20), "… three at once")
    if how == "replace":
        tap.is_((total["peak"]["runs"], total["cancelled"]), (1, 3), "… one at a time, the others cancelled")
    if how == "queue":
        tap.is_((total["waiting"], total["running"], total["longest_wait"]["seconds"]), (1, 1, 900), "… one waits at the end")

lines, total = simulate(jobs(job("a", "0 1 * * *") + job("b", "0 1 * * *") + job("c", "0 1 * * *"), "max_running: 1\n"),
                        "--to", "2026-03-10T02:00Z", "--duration", "10m")
tap.is_([(x["job"], x["reason"], x["waited"]) for x in lines], [("a", None, 0), ("b", "max_running", 600), ("c", "max_running", 1200)], "max_running of the configuration")
tap.is_((total["peak"]["runs"], total["longest_wait"]["job"]), (1, "c"), "… in the sum")
lines, _ = simulate(jobs("  a: {schedule: \"0 2 * * *\", command: \"true\", timezone: null}\n", "timezone: Asia/Kolkata\n"), "--to", "2026-03-11T00:00Z")
tap.is_([x["at"] for x in lines], ["2026-03-11T02:00:00+05:30"], "the configuration's zone, also in what is printed")

# ---- attempts
args = jobs(job("a", "0 1 * * *", retry="{limit: 2, delay: 1m, backoff: constant}") + job("ok", "0 1 * * *"))
lines, total = simulate(args, "--to", "2026-03-10T02:00Z", "--fail", "a", "--duration", "a=10m", "--duration", "1m")
a, ok = (next(j for j in total["jobs"] if j["job"] == n) for n in ("a", "ok"))
tap.is_((a["retries"], a["failed"], a["busy"], len(lines)), (2, 1, 1800, 2), "--fail: every attempt fails, and is retried; one line all the same")
tap.is_((ok["succeeded"], ok["busy"], ok["duration"]), (1, 60, 60), "--duration JOB=D and D")
lines, total = simulate(jobs(job("a", "0 1 * * *", timeout="5m") + job("b", "0 1 * * *", total_timeout="3m")), "--to", "2026-03-10T02:00Z", "--duration", "[ab]=1h")
tap.is_((total["timed_out"], total["busy"], total["running"]), (2, 480, 0), "timeouts cut runs short; patterns in --duration")

# ---- down
for how, want in [
    ("latest", [(5, "run", "schedule"), (10, "missed", "down"), (20, "run", "catch_up"), (25, "run", "schedule")]),
    ("skip", [(5, "run", "schedule"), (10, "missed", "down"), (25, "run", "schedule")]),
    ("all", [(5, "run", "schedule"), (10, "run", "catch_up"), (15, "run", "catch_up"), (20, "run", "catch_up"), (25, "run", "schedule")]),
]:
    lines, total = simulate(jobs(job("a", "5-59/5 * * * *", catch_up=how)), "--to", "2026-03-10T00:25Z", "--down", "00:06..00:22")
    tap.is_([(clock(x["at"]), x["decision"], x["trigger"] if x["decision"] == "run" else x["reason"]) for x in lines], want, f"--down with catch_up: {how}")
    if how == "latest":
        tap.is_((lines[1]["count"], clock(lines[1]["until"]), total["missed"], total["instants"], total["reasons"]["missed"]), (2, 15, 2, 5, {"down": 2}), "… a range says until and count, and counts as so many")

# ---- forms
args = jobs(job("a", "0 * * * *", concurrency="forbid") + job("bee", "30 * * * *"))
code, out, err = run("simulate", "--no-history", *args, "--from", "2026-03-10T00:00Z", "--to", "2026-03-10T01:00Z", "--duration", "a=2h")
tap.is_((code, err), (0, ""), "text")
tap.is_(out.splitlines()[:3], ["2026-03-10 00:00:00  a    run", "2026-03-10 00:30:00  bee  run", "2026-03-10 01:00:00  a    skipped (concurrency)"], "… a line for each instant")
tap.is_(out.splitlines()[4], "3 instants: 2 run, 1 skipped (concurrency 1), 0 missed", "… and the sum")
code, out, err = run("simulate", "--no-history", *args, "--from", "2026-03-10T00:00Z", "--to", "2026-03-10T01:00Z", "--summary")
tap.ok(out.startswith("3 instants: 3 run"), "--summary: only the sum")
lines, total = simulate(args, "bee", "--to", "2026-03-10T01:00Z", "--duration", "2h")
tap.is_(([x["job"] for x in lines], total["instants"], [j["job"] for j in total["jobs"]], total["peak"]["runs"]), (["bee"], 1, ["bee"], 2), "words: these are shown, all are simulated")
rows = list(csv.DictReader(io.StringIO(run("simulate", "--no-history", *args, "-o", "csv", "--from", "2026-03-10T00:00Z", "--to", "2026-03-10T00:30Z")[1], newline="")))
tap.is_([(r["job"], r["decision"]) for r in rows], [("a", "run"), ("bee", "run")], "-o csv")
lines, total = simulate(args, "--to", "2026-03-10T00:30Z", json_option=("-o", "jsonl"))
tap.is_((len(lines), total["run"]), (2, 2), "-o jsonl")
code, out, _ = run("simulate", "--no-history", *args, "--from", "2026-03-10T00:00Z", "-o", "yaml", "--to", "00:30")
tap.ok(code == 0 and "instants:" in out and "summary:" in out, "-o yaml, and --to by the clock: the next one after --from")
code, out, _ = run("simulate", "--no-history", *args, "--json")
total = json.loads(out.splitlines()[-1])["summary"]
tap.ok(clock(total["to"]) - clock(total["from"]) == 24 * 60 and total["instants"] in (48, 49), "a day from now on by default")

# ---- history
rows = [run_row(n, "a", "succeeded", started_at=f"2026-03-01T0{n}:00:00Z", ended_at=f"2026-03-01T0{n}:0{n}:00Z") for n in (2, 4)] + \
       [run_row(9, "stranger", "succeeded", started_at="2026-03-01T01:00:00Z", ended_at="2026-03-01T09:00:00Z")]
last = run_row(1, "bee", "succeeded", started_at="2026-02-01T00:00:00Z", ended_at="2026-02-01T00:10:00Z")
with FakeDaemon({"run.list": lambda p: {"runs": rows, "cursor": None},
                 "job.list": lambda p: {"jobs": [job_row("bee", last=last), job_row("x", last=last)], "cursor": None} if p.get("cursor") else
                 {"jobs": [job_row("a", last=rows[0])], "cursor": "a"}}) as d:
    code, out, err = d.jobctl("simulate", *args, "--from", "2026-03-10T00:00Z", "--to", "2026-03-10T00:59Z", "--summary", "--json", "--duration", "9s")
    total = json.loads(out)["summary"]
    tap.is_([(j["job"], j["duration"]) for j in total["jobs"]], [("a", 180), ("bee", 600)], "history: the mean of a job's newest successes, or its last one")
    tap.is_(err, "Durations of 2 of 2 jobs are from the daemon's history.\n", "… and it says so")
    code, out, err = d.jobctl("simulate", "-q", *args, "--from", "2026-03-10T00:00Z", "--to", "2026-03-10T00:59Z", "--summary", "--json", "--duration", "a=9s")
    total = json.loads(out)["summary"]
    tap.is_(([j["duration"] for j in total["jobs"]], err), ([9, 600], ""), "--duration JOB=D is stronger than history; -q")
    d.calls.clear()
    code, out, err = d.jobctl("simulate", "--no-history", *args, "--summary")
    tap.is_((d.calls, err), ([], ""), "--no-history asks nobody")

# ---- what is wrong
bad = jobs("  a: {schedul: \"0 0 * * *\", command: \"true\"}\n")
code, out, err = run("simulate", *bad, "--json")
tap.ok(code == 1 and out == "" and "unknown key `schedul`" in err and err.endswith("jobctl: 1 error in the job files\n"), "files with errors are reported, exit 1")
code, out, err = run("simulate", "--jobs-dir", os.path.join(folder, "nowhere"))
tap.ok(code == 1 and "nowhere" in err, "a folder that is not there")
for more, code, word in [
    (["--from", "whenever"], 2, "--from"), (["--to", "whenever"], 2, "--to"), (["--to", "2026-03-09"], 2, "before --from"),
    (["--duration", "long"], 2, "no duration"), (["--duration", "c=1m"], 3, "no such job"), (["--fail", "c"], 3, "no such job"),
    (["c"], 3, "no such job"), (["--down", "00:10"], 2, "T..T"), (["--down", "2026-03-11..2026-03-10"], 2, "before it begins"),
    (["--down", "01:00..03:00", "--down", "02:00..04:00"], 2, "not after"), (["--to", "9999-12-31"], 2, "400 years"),
]:
    got = run("simulate", "--no-history", *args, "--from", "2026-03-10T00:00Z", *more)
    if not tap.ok(got[0] == code and got[1] == "" and word in got[2] and got[2].count("\n") == 1, f"wrong: {' '.join(more)}"):
        tap.diag(got)
tap.is_(run("simulate", "--no-history", *args, "--fail", "z*", "--from", "2026-03-10", "--to", "2026-03-10", "--summary")[0], 0, "a pattern may match nothing")
shutil.rmtree(folder)
tap.done()
