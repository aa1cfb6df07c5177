#!/usr/bin/env python3
"""What jobctl prints, in every form, to a pipe and to a terminal."""
import csv
import io
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import fcntl
import termios
import time

top = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(top, "tests/lib"))
import tap  # noqa: E402
from fakedaemon import FakeDaemon, Refuse, Stream, environment, job_row, program, run, run_row  # noqa: E402

EVIL = "evil\x1b[31m\n\x9b2J\u202e"
HOST = os.uname().nodename


def terminal(d, *args, width=80, typed=None, env=None):
    """Runs jobctl on a terminal of that width.  Returns the exit code and what the terminal got."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    p = subprocess.Popen([program(), "--socket", d.path, *args], stdin=slave, stdout=slave, stderr=slave, env=environment(**(env or {})))
    os.close(slave)
    if typed is not None:
        os.write(master, typed.encode())
    got, end = b"", time.monotonic() + 30
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 1)
        try:
            data = os.read(master, 65536) if ready else None
        except OSError:
            break
        if data == b"":
            break
        got += data or b""
    os.close(master)
    return p.wait(timeout=30), got.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


# ---- lists
jobs = [job_row("backup", last=run_row(7, state="failed", reason="exit", exit_code=2), labels={"team": "db"}), job_row("b,\"c\"", enabled=False, schedule=["@daily", "0 4 * * *"], next=None),
        job_row("paused", paused={"by": "root", "at": "2026-01-01T00:00:00+01:00", "until": None, "reason": "x", "hold": False}),
        job_row("blocked", blocked="no such zone: Mars/X"), job_row("busy", running=2, active=3, description=EVIL)]
with FakeDaemon({"job.list": {"jobs": jobs, "cursor": None}}) as d:
    code, out, err = d.jobctl("list")
    lines = out.splitlines()
    tap.is_((code, err), (0, ""), "list")
    tap.is_(lines[0].split(), ["NAME", "STATE", "SCHEDULE", "NEXT", "LAST", "WHEN", "ACTIVE"], "the headings of a table")
    tap.is_(len(lines), 6, "a line a job")
    tap.ok("\x1b" not in out and not any(line.endswith(" ") for line in lines), "a piped table is plain")
    cells = re.split(r"  +", lines[1])
    tap.is_(cells[:2] + cells[4:5], ["backup", "enabled", "failed (exit 2)"], "cells")
    tap.ok(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", cells[3]), "piped times are local and absolute")
    tap.is_(re.split(r"  +", lines[2])[3:], ["-", "-", "-", "0"], "empty cells are dashes")
    tap.is_([re.split(r"  +", x)[1] for x in lines[1:]], ["enabled", "disabled", "paused", "blocked", "running"], "states of jobs")
    long = d.jobctl("list", env={"COLUMNS": "20"})[1]
    tap.is_(long, out, "a piped table is never cut")
    wide = d.jobctl("list", "-o", "wide")[1]
    tap.ok(wide.splitlines()[0].split()[-1] == "DESCRIPTION" and r"evil\x1b[31m\x0a\u{9b}2J\u{202e}" in wide, "wide has more, escaped")
    tap.is_(d.jobctl("list", "-o", "name")[1].splitlines(), [j["name"] for j in jobs], "-o name")
    tap.is_(d.jobctl("ls", "-q")[1].splitlines(), [j["name"] for j in jobs], "ls -q")
    doc = json.loads(d.jobctl("list", "--json")[1])
    tap.is_((list(doc), doc["schema_version"], doc["host"], doc["jobs"]), (["schema_version", "host", "jobs"], 1, HOST, jobs), "--json")
    raw = d.jobctl("list", "--json")[1]
    tap.ok(not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", raw), "JSON holds no control characters")
    docs = [json.loads(x) for x in d.jobctl("list", "-o", "jsonl")[1].splitlines()]
    tap.is_(docs, [{"schema_version": 1, "host": HOST, **j} for j in jobs], "jsonl")
    text = d.jobctl("list", "-o", "csv")[1]
    tap.ok(text.count("\r\n") >= 6, "csv lines end in CR LF")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    tap.is_([r["name"] for r in rows], [j["name"] for j in jobs], "csv reads back")
    tap.is_((rows[0]["last.state"], rows[0]["next"], rows[1]["schedule"], rows[1]["enabled"], rows[4]["description"]),
            ("failed", "2026-03-02T02:30:00+01:00", "@daily; 0 4 * * *", "false", EVIL), "… with values for machines")
    try:
        import yaml
    except ImportError:
        yaml = None
    for args in (["list"], ["help"], ["explain", "@daily"]):
        plain, doc = d.jobctl(*args, "-o", "yaml")[1], json.loads(d.jobctl(*args, "--json")[1])
        if yaml and args[0] != "explain":
            tap.is_(yaml.safe_load(plain), doc, f"yaml reads back: {args}")
        else:
            tap.ok(plain.startswith('schema_version: 1\nhost: "'), f"yaml: {args}")
    tap.ok("\x1b[31m" in d.jobctl("--color", "always", "list")[1], "--color always, piped too")

    # on a terminal
    code, out = terminal(d, "list", width=70)
    tap.ok(code == 0 and max(len(re.sub("\x1b\\[[0-9;]*m", "", x)) for x in out.splitlines()) <= 70, "a table fits the terminal")
    code, out = terminal(d, "list", width=120)
    tap.ok("\x1b[31mfailed (exit 2)" in out and re.search(r"\d+\w ago|\d+y ago", out), "colours and relative times")
    code, out = terminal(d, "list", width=200, env={"NO_COLOR": "1"})
    tap.ok("\x1b" not in out, "NO_COLOR")
    code, out = terminal(d, "list", "--color", "never", width=200)
    tap.ok("\x1b" not in out, "--color never")
    code, out = terminal(d, "list", width=200, env={"TERM": "dumb"})
    tap.ok("\x1b" not in out, "TERM=dumb")
    code, out = terminal(d, "list", "--json", width=40)
    tap.is_(json.loads(out)["jobs"], jobs, "JSON on a terminal is whole")

with FakeDaemon({"job.list": {"jobs": [], "cursor": None}, "run.list": {"runs": [], "cursor": None}, "job.next": {"next": []}}) as d:
    for command, key in (("list", "jobs"), ("runs", "runs"), ("next", "next")):
        tap.is_(d.jobctl(command), (0, "", ""), f"{command} of nothing")
        tap.is_(json.loads(d.jobctl(command, "--json")[1])[key], [], f"{command} --json of nothing")
        tap.ok(f"\n{key}: []\n" in d.jobctl(command, "-o", "yaml")[1], f"{command} -o yaml of nothing")
        tap.is_(len(d.jobctl(command, "-o", "csv")[1].splitlines()), 1, f"{command} -o csv of nothing")
    d.jobctl("list", "a*", "--state", "running", "--user", "bob", "--failed", "--label", "a=b", "--label", "c=d=e")
    tap.is_(d.calls[-1][1], {"patterns": ["a*"], "state": "running", "user": "bob", "failed": True, "label": {"a": "b", "c": "d=e"}, "limit": 1000}, "filters of list")
    d.jobctl("runs", "a", "--job", "b*", "--state", "failed,lost", "--state", "running", "--user", "bob", "--trigger", "manual", "--failed", "--since", "2026-03-01T00:00:00Z")
    asked = dict([params for method, params in d.calls if method == "run.list" and "trigger" in params][-1])
    since = asked.pop("since")
    tap.is_(asked, {"jobs": ["a", "b*"], "states": ["failed", "lost", "running"], "user": "bob", "trigger": "manual", "failed": True, "limit": 1000}, "filters of runs")
    tap.ok(re.fullmatch(r"2026-0[23]-\d\dT\d\d:00:00[+-]\d\d:\d\d", since), "times go out as RFC 3339")
    d.jobctl("next", "a", "-n", "3", "--from", "2026-03-01T00:00:00Z", "--to", "+2d")
    tap.is_(sorted(d.calls[-1][1]), ["from", "jobs", "n", "to"], "options of next")

# ---- runs
runs = [run_row(60 - i, scheduled_at="2026-03-01T10:00:00+01:00", scheduled_until="2026-03-01T10:00:00+01:00", count=1) for i in range(60)]
runs[1] = run_row(59, state="missed", reason="down", scheduled_at="2026-03-01T10:00:00+01:00", scheduled_until="2026-03-01T11:00:00+01:00", count=61, started_at=None,
                  ended_at=None, duration=None)
with FakeDaemon({"run.list": lambda p: {"runs": runs[: p["limit"]], "cursor": None}}) as d:
    code, out, err = d.jobctl("runs")
    tap.is_((code, err, len(out.splitlines())), (0, "", 61), "runs: all when piped")
    tap.is_(out.splitlines()[0].split(), ["RUN", "JOB", "STATE", "TRIGGER", "SCHEDULED", "STARTED", "DURATION"], "headings of runs")
    tap.ok(" x61 " in out.splitlines()[2] and "missed (down)" in out.splitlines()[2], "a range row shows how many")
    code, out = terminal(d, "history", width=200)
    tap.is_((code, len(out.splitlines())), (0, 52), "runs: the newest 50 on a terminal")
    tap.ok("The newest 50; there are more" in out, "… and it says so")
    code, out = terminal(d, "runs", "-n", "55", width=200)
    tap.is_((len(out.splitlines()), "there are more" in out), (56, False), "… unless -n")
    code, out = terminal(d, "runs", "--json", width=200)
    tap.is_(len(json.loads(out)["runs"]), 60, "… or --json")

# ---- logs
entries = [{"at": "2026-03-01T10:00:00.100+01:00", "stream": "stdout", "partial": False, "text": "plain"},
           {"at": "2026-03-01T10:00:00.200+01:00", "stream": "stderr", "partial": True, "text": "half "},
           {"at": "2026-03-01T10:00:00.300+01:00", "stream": "stderr", "partial": False, "text": "line \x1b[31m"},
           {"at": "2026-03-01T10:00:00.400+01:00", "stream": "stdout", "partial": False, "base64": "//4A"}]
with FakeDaemon({"run.logs": Stream([{"entries": entries[:2]}, {"entries": entries[2:], "dropped": 2048}], {"run": None, "ended": True})}) as d:
    p = subprocess.run([program(), "--socket", d.path, "logs", "7"], capture_output=True, env=environment(), timeout=30)
    tap.is_((p.returncode, p.stdout), (0, b"plain\nhalf line \x1b[31m\n\xff\xfe\x00\n"), "logs in a pipe are the bytes")
    tap.is_(p.stderr, b"(2.0 KiB of output were not kept)\n", "… what was dropped is said")
    code, out = terminal(d, "logs", "backup")
    tap.ok("plain\nhalf line \\x1b[31m\n\\xff\\xfe\\x00\n" in out, "… on a terminal they are escaped")
    code, out = terminal(d, "logs", "backup", "--raw")
    tap.ok("line \x1b[31m" in out, "… unless --raw")
    tap.is_(d.calls[-1], ("run.logs", {"job": "backup"}), "a job's newest run")
    d.jobctl("logs", "7", "-f", "-n", "5", "--since", "-3h", "--attempt", "2", "--previous", "--stderr")
    asked = dict(d.calls[-1][1])
    tap.ok(asked.pop("since"), "--since")
    tap.is_(asked, {"run": 7, "follow": True, "lines": 5, "start": 2, "previous": True, "stream": "stderr"}, "options of logs")
    docs = [json.loads(x) for x in d.jobctl("logs", "7", "--json")[1].splitlines()]
    tap.is_(docs, [{"schema_version": 1, "host": HOST, **e} for e in entries], "logs --json: an object a line")
    wide = d.jobctl("logs", "7", "-o", "wide")[1].splitlines()
    tap.ok(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d stdout plain", wide[0]), "-o wide has time and stream")
    rows = list(csv.DictReader(io.StringIO(d.jobctl("logs", "7", "-o", "csv")[1], newline="")))
    tap.is_((len(rows), rows[3]["base64"]), (4, "//4A"), "logs -o csv")

# ---- one job, one run, why, cat
job = {**job_row("backup", last=run_row(7), description=EVIL), "definition": {"command": "echo", "retry": {"limit": 3}, "timeout": "2h"},
       "origins": {"command": "job", "retry": "job", "timeout": "file"}, "watermark": None, "epoch": 0, "runs_active": [run_row(9, state="running", ended_at=None)]}
full = {**run_row(7, state="failed", reason="spawn", error="chdir: No such file or directory"), "definition": None,
        "transitions": [{"at": "2026-03-01T10:00:00+01:00", "state": "queued", "reason": "", "start": 0, "exit_code": None, "signal": None, "error": None}]}
why = {"subject": "backup", "state": "paused", "answer": "it is paused", "causes": [{"reason": "paused", "by": "root", "since": "2026-03-01T10:00:00+01:00", "run": None}]}
with FakeDaemon({"job.show": lambda p: {"job": job} if p["job"] == "backup" else Refuse("not_found", "no such job: x"), "run.show": {"run": full}, "why": why,
                 "job.cat": {"path": "/etc/jobs.d/b.yaml", "text": "jobs: {}\n# \x1b[2J\n", "stale": True}}) as d:
    out = d.jobctl("show", "backup")[1]
    tap.ok(out.startswith(r"● backup - evil\x1b[31m\x0a") and "timeout: \"2h\"  # file\n" in out and "run 9 running" in out, "show JOB")
    tap.is_(json.loads(d.jobctl("show", "backup", "--json")[1])["job"], job, "show --json")
    out = d.jobctl("show", "7")[1]
    tap.ok("run 7 of backup - failed (spawn)" in out and "Error: chdir: No such file or directory" in out and "queued" in out, "show RUN")
    tap.is_(list(json.loads(d.jobctl("show", "7", "backup", "--json")[1])["shown"][0]), ["run"], "show of two")
    tap.is_(d.jobctl("show", "x")[0], 3, "show of none")
    tap.is_(d.jobctl("cat", "backup"), (0, "jobs: {}\n# \x1b[2J\n", "# /etc/jobs.d/b.yaml (the file has errors now; this version is in force)\n"), "cat")
    tap.ok("# \\x1b[2J" in terminal(d, "cat", "backup")[1], "cat on a terminal")
    out = d.jobctl("why", "backup")[1]
    tap.ok(out.startswith("backup: paused: it is paused\n  paused, by root, since 2026-03-01 "), "why")
    doc = json.loads(d.jobctl("why", "backup", "--json")[1])
    tap.is_({k: doc[k] for k in why}, why, "why --json")
    d.jobctl("why", "backup", "--at", "yesterday")
    tap.ok("at" in d.calls[-1][1], "why --at")

# ---- status
status = {"version": "0.1.0", "pid": 4, "state": "degraded", "started_at": "2026-03-01T10:00:00+01:00", "runner_pid": 5, "jobs": 12, "jobs_blocked": 1,
          "runs": {"queued": 1, "starting": 0, "running": 2, "backoff": 0}, "files_total": 3, "files_bad": 1, "cursor": None,
          "files": [{"path": "/etc/jobs.d/x.yaml", "state": "stale", "since": "2026-03-01T10:00:00+01:00", "jobs": 1,
                     "errors": [{"line": 3, "column": 5, "key": "schedul", "message": "unknown key", "hint": "did you mean `schedule`?"}], "warnings": []}]}
with FakeDaemon({"system.status": status, "job.list": {"jobs": [jobs[0]], "cursor": None}, "job.next": {"next": [{"at": "2026-03-02T02:30:00+01:00", "job": "backup"}]}}) as d:
    code, out, err = d.jobctl("status")
    for want in ("jobschedd 0.1.0 - degraded", "Process: 4, runner 5", "12, 1 blocked", "2 running, 1 queued", "3, 1 with errors",
                 "/etc/jobs.d/x.yaml:3:5: error: schedul: unknown key (did you mean `schedule`?)", "its last good version is in force",
                 "backup  failed (exit 2)", "(run 7)", "Next:"):
        tap.ok(code == 0 and want in out, f"status: {want}")
    tap.is_([m for m, _ in d.calls], ["system.status", "job.list", "job.next"], "status asks three questions")
    warned = {"path": "/etc/jobs.d/w.yaml", "state": "ok", "errors": [], "warnings": [{"line": 2, "column": 3, "key": "schedule", "message": "in the past", "hint": None}]}
    first = {**status, "state": "degraded", "why": "the disk is full", "cursor": "/x", "files": [warned] * 12}
    d.methods["system.status"] = lambda p: first if p.get("files") == "noted" else status
    out = d.jobctl("status")[1]
    tap.ok("Because: the disk is full" in out, "status: why it is degraded")
    tap.ok("/etc/jobs.d/x.yaml:3:5: error: " in out, "status: errors of files behind the first page")
    tap.is_(out.count("/etc/jobs.d/w.yaml:2:3: warning: schedule: in the past\n"), 10, "status: warnings")
    tap.ok("... and 2 more with warnings" in out, "… not all of them")
    d.methods["system.status"] = status
    doc = json.loads(d.jobctl("status", "--json")[1])
    tap.is_((doc["state"], doc["pid"], doc["files"], doc["failing"][0]["name"], doc["next"][0]["job"]), ("degraded", 4, status["files"], "backup", "backup"), "status --json")
    tap.is_([p.get("files") for m, p in d.calls if m == "system.status"][-1], "all", "… lists every file")
    d.methods["job.list"] = lambda p: {"jobs": [], "cursor": "b"} if "cursor" not in p else {"jobs": [jobs[0]] * 11, "cursor": "c"}
    out = d.jobctl("status")[1]
    tap.is_((out.count("backup  failed (exit 2)"), "`jobctl list --failed' has them all" in out), (10, True), "status: failing jobs behind an empty page, ten of them")
    d.methods["job.list"] = lambda p: {"jobs": [], "cursor": p.get("cursor", "") + "x"}
    d.calls.clear()
    tap.is_((d.jobctl("status")[0], len(d.calls)), (0, 12), "… which are not looked for without end")
    p = subprocess.Popen([program(), "--socket", d.path, "status", "-w"], stdout=subprocess.PIPE, env=environment(), text=True)
    seen = 0
    for line in p.stdout:
        seen += "jobschedd 0.1.0" in line
        if seen == 2:
            break
    p.kill()
    p.wait()
    tap.is_(seen, 2, "status -w shows it again")

# ---- asking
many = {"jobs": [job_row("a1"), job_row("a2")], "cursor": None}
with FakeDaemon({"job.list": many, "job.disable": lambda p: {"jobs": p["jobs"], "durable": True}}) as d:
    code, out = terminal(d, "disable", "a*", typed="n\n")
    tap.is_((code, "Disable 2 jobs? [y/N]" in out, [m for m, _ in d.calls]), (1, True, ["job.list"]), "what changes many asks first")
    code, out = terminal(d, "disable", "a*", typed="y\n")
    tap.is_((code, d.calls[-1][1]), (0, {"jobs": ["a1", "a2"]}), "… yes")
    code, out = terminal(d, "disable", "a*", "--yes")
    tap.is_((code, "[y/N]" in out), (0, False), "--yes")
    code, out = terminal(d, "disable", "a1")
    tap.is_((code, "[y/N]" in out), (0, False), "one job is not asked about")
    tap.is_(d.jobctl("disable", "a*")[0], 0, "without a terminal nobody is asked")

# ---- help and version
code, out, err = run("help")
tap.ok(code == 0 and err == "" and "jobctl [OPTION...] COMMAND" in out, "help")
commands = json.loads(run("help", "--json")[1])["commands"]
for c in commands:
    code, out, err = run("help", c["name"])
    tap.ok(code == 0 and out.startswith(f"jobctl {c['name']}") and all("--" + o["name"] in out for o in c["options"]), f"help {c['name']}")
    tap.ok(run(c["name"], "--help")[1] == out, f"{c['name']} --help")
    tap.ok(max(len(x) for x in out.splitlines()) <= 140, "… not too wide")
code, out, err = run("--version")
tap.ok(code == 0 and re.match(r"jobctl \d+\.\d+\.\d+ \(protocol 1\)\n", out), "--version")
with FakeDaemon({"system.version": {"version": "9.9", "protocol": 1}}) as d:
    tap.ok("jobschedd 9.9 (protocol 1)" in d.jobctl("version")[1], "version asks the daemon")
full_device = subprocess.run([program(), "help"], stdout=open("/dev/full", "w"), stderr=subprocess.PIPE, text=True, env=environment())
tap.ok(full_device.returncode == 1 and "can't write" in full_device.stderr, "what can't be written is a failure")
tap.done()
