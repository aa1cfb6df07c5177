#!/usr/bin/env python3
"""What jobctl exits with: usage, no daemon, refusals, every kind of end, restarts of the daemon, answers that are none."""
import json
import os
import shutil
import socket
import subprocess
import sys
import threading

top = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(top, "tests/lib"))
import tap  # noqa: E402
from fakedaemon import Dribble, FakeDaemon, Hangup, Raw, Refuse, Silence, Stream, environment, job_row, program, run, run_row  # noqa: E402


def one_line(code, got, name, *words):
    """That exit code, nothing on standard output, and one line on standard error with all of the words."""
    status, out, err = got
    good = status == code and out == "" and err.startswith("jobctl: ") and err.count("\n") == 1 and all(w in err for w in words)
    if not tap.ok(good, name):
        tap.diag(f"exit {status}, wanted {code}; out {out!r}; err {err!r}")


# Takes some seconds, so it goes first and is looked at last.
hangs = FakeDaemon({"system.status": Silence})
hangs.listen()
patient = subprocess.Popen([program(), "--socket", hangs.path, "status", "--check"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())

# ---- usage, without a daemon
NOWHERE = "/nonexistent/x.sock"
for args, code, words in [
    ([], 2, ["which command"]),
    (["frobnicate"], 2, ["unknown command", "frobnicate"]),
    (["stauts"], 2, ["did you mean `status'"]),
    (["histroy"], 2, ["did you mean `history'"]),
    (["status", "--chekc"], 2, ["unknown option --chekc", "--check"]),
    (["status", "-z"], 2, ["unknown option -z"]),
    (["list", "--json=x"], 2, ["takes no value"]),
    (["list", "-o"], 2, ["wants a value"]),
    (["list", "-o", "xml"], 2, ["table, wide, json"]),
    (["list", "--json", "-o", "yaml"], 2, ["exclude each other"]),
    (["list", "--color", "blue"], 2, ["auto, always or never"]),
    (["--root", "/x", "--user", "list"], 2, ["exclude each other"]),
    (["list", "--label", "x"], 2, ["K=V"]),
    (["run"], 2, ["something is missing", "JOB"]),
    (["version", "now"], 2, ["too much"]),
    (["next", "-n", "0"], 2, ["from 1 to 10000"]),
    (["next", "-n", "ten"], 2, ["a number"]),
    (["next", "--from", "whenever"], 2, ["no time"]),
    (["next", "--from", "2030-01-02", "--to", "2030-01-01"], 2, ["--to is before --from"]),
    (["next", "--to", "2020-01-01"], 2, ["--to is in the past"]),
    (["next", "--from", "2020-01-01", "--to", "2020-01-01"], 5, []),
    (["runs", "--state", "ok"], 2, ["no such state", "succeeded"]),
    (["runs", "--trigger", "moon"], 2, ["no such trigger", "schedule"]),
    (["logs", "7", "8"], 2, ["too much"]),
    (["help", "runz"], 2, ["did you mean `run"]),
    (["explain"], 2, ["EXPR"]),
    (["explain", "@daily", "--dst", "never"], 2, ["once, wall or skip"]),
    (["plan"], 2, ["something is missing", "DIR"]),
    (["backfill"], 2, ["something is missing", "JOB"]),
    (["backfill", "a"], 2, ["--from is missing"]),
    (["backfill", "a", "b", "--from", "-1d"], 2, ["too much"]),
    (["backfill", "a", "--from", "soon"], 2, ["no time"]),
    (["backfill", "a", "--from", "-1d", "--limit", "0"], 2, ["from 1 to 10000"]),
    (["simulate", "--from"], 2, ["wants a value"]),
    (["explain", "@daily", "-n", "10001"], 2, ["10000"]),
    (["explain", "@daily", "--from", "nonsense"], 2, ["no time"]),
    (["explain", "@daily", "--timezone", "Mars/Olympus"], 1, ["no such time zone"]),
    (["explain", "@daily", "--timezone", "../../etc/passwd"], 1, ["no such time zone"]),
    (["explain", "61 * * * *"], 1, ["minute"]),
    (["wait", "--timeout", "soon", "7"], 126, ["no duration"]),
    (["wait"], 126, ["which run"]),
    (["run", "--wait", "--bogus", "x"], 126, ["unknown option"]),
    (["run", "--bogus", "x", "--wait"], 126, ["unknown option"]),
    (["run", "--bogus", "x"], 2, ["unknown option"]),
    (["cancel"], 2, ["which run"]),
    (["cancel", b"\xff"], 2, ["not UTF-8"]),
    (["cancel", "--job", b"\xff"], 2, ["--job", "not UTF-8"]),
    (["explain", b"\xff * * * *"], 1, ["minute"]),
    (["cancel", "7", "--job", "x"], 2, ["exclude each other"]),
]:
    one_line(code, run("--socket", NOWHERE, *args), "usage: " + " ".join(map(str, args)), *words)

# ---- no daemon
for args, code in [
    (["status"], 5), (["list"], 5), (["list", "--json"], 5), (["runs", "-o", "csv"], 5), (["run", "x"], 5), (["run", "x", "--wait"], 126),
    (["run", "x", "--follow"], 126), (["wait", "7"], 126), (["logs", "7"], 5), (["cancel", "7"], 5), (["pause", "x"], 5), (["reload"], 5),
    (["show", "x"], 5), (["why", "x"], 5), (["next"], 5), (["cat", "x"], 5), (["kill", "7"], 5),
]:
    one_line(code, run("--socket", NOWHERE, *args), "no daemon: " + " ".join(args), "can't reach the daemon", NOWHERE)

with FakeDaemon({}) as d:
    d.stop()
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(d.path)  # and never listens
    one_line(5, run("--socket", d.path, "list"), "a socket without a listener", "is jobschedd running?")
    tap.ok(run("--socket", d.path, "version")[0] == 0, "version needs no daemon")
    one_line(5, run("list", env={"JOBSCHED_SOCKET": "/nowhere/from/env"}), "$JOBSCHED_SOCKET is used", "/nowhere/from/env")
    one_line(5, run("--root", "/nowhere/root", "list"), "--root has its socket", "/nowhere/root/run/jobsched/control.sock")
    one_line(5, run("--user", "list", env={"XDG_RUNTIME_DIR": "/nowhere/rt"}), "--user has its socket", "/nowhere/rt/jobsched/control.sock")
    one_line(5, run("list", "--user", "alice", "--socket", "/nowhere/filter"), "after list --user is a filter", "/nowhere/filter")

with FakeDaemon({"job.list": {"jobs": [job_row()], "cursor": None}}) as d:
    d.stop()
    deep = os.path.join(d.folder, *["a-long-name-of-a-folder"] * 8, "jobsched")
    os.makedirs(deep)
    here = os.getcwd()
    os.chdir(deep)  # the path is longer than a socket's address may be
    d.path = "control.sock"
    d.listen()
    os.chdir(here)
    d.path = os.path.join(deep, "control.sock")
    tap.is_(d.jobctl("list", "-q"), (0, "backup\n", ""), "a socket with a long path")
    tap.is_(run("list", "-q", env={"JOBSCHED_SOCKET": d.path})[1], "backup\n", "… from the environment")
    tap.is_(run("--user", "list", "-q", env={"XDG_RUNTIME_DIR": os.path.dirname(deep)})[1], "backup\n", "… and --user")
    if os.path.exists("/run/jobsched/control.sock"):
        print(f"ok {tap.count + 1} - the user's daemon # SKIP there is a system's one")
        tap.count += 1
    else:
        subprocess.run(["chmod", "-R", "a+rX", d.folder], check=True)
        copy = shutil.copy(program(), d.folder)
        os.chmod(d.path, 0o666)
        command = [copy, "list", "-q"]
        if os.getuid() == 0:
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        p = subprocess.run(command, capture_output=True, text=True, env=environment(XDG_RUNTIME_DIR=os.path.dirname(deep)))
        good = (p.returncode, p.stdout) == (0, "backup\n") and p.stderr.startswith("jobctl: the system's daemon is not there, asking yours at ")
        tap.ok(good, "whoever is not root reaches their own daemon, and is told") or tap.diag(p)

# ---- refusals
for word, code in [("not_found", 3), ("denied", 4), ("conflict", 6), ("invalid", 2), ("busy", 1), ("unavailable", 1), ("brand_new", 1)]:
    with FakeDaemon({m: Refuse(word, f"because {word}") for m in ("job.run", "job.list", "run.wait", "run.cancel", "job.show")}) as d:
        one_line(code, d.jobctl("run", "x"), f"run refused: {word}", f"because {word}")
        one_line(code, d.jobctl("list", "--json"), f"list refused: {word}, no half document", f"because {word}")
        one_line(126, d.jobctl("run", "x", "--wait"), f"run --wait refused: {word}", f"because {word}")
        if word != "unavailable":  # a daemon that ends: tried again
            one_line(126, d.jobctl("wait", "7"), f"wait refused: {word}", f"because {word}")
with FakeDaemon({"job.list": Refuse("denied", "two\nlines \x1b[31m")}) as d:
    one_line(4, d.jobctl("list"), "a message of several lines is one line, and steers no terminal", r"two\x0alines \x1b[31m")

# ---- every kind of end
ENDS = [
    (dict(state="succeeded", exit_code=0), 0), (dict(state="succeeded", exit_code=3), 3),
    (dict(state="failed", reason="exit", exit_code=1), 1), (dict(state="failed", reason="exit", exit_code=255), 255),
    (dict(state="failed", reason="signal", signal=9), 137), (dict(state="failed", reason="signal", signal=64), 192),
    (dict(state="failed", reason="spawn", error="chdir: No such file or directory"), 125),
    (dict(state="timed_out", reason="timeout", signal=15), 124), (dict(state="timed_out", reason="total_timeout", exit_code=0), 124),
    (dict(state="lost", reason="supervisor"), 125), (dict(state="lost", reason="reboot", exit_code=0), 125),
    (dict(state="skipped", reason="concurrency"), 125), (dict(state="skipped", reason="exit_code", exit_code=75), 75),
    (dict(state="missed", reason="deadline"), 125), (dict(state="cancelled", reason="user", started_at=None, duration=None), 125),
    (dict(state="cancelled", reason="user", signal=15), 143), (dict(state="cancelled", reason="replaced", exit_code=4), 4),
]
for fields, code in ENDS:
    row = run_row(**fields)
    name = " ".join(f"{k}={v}" for k, v in fields.items())
    with FakeDaemon({"run.wait": {"runs": [row], "timed_out": False}, "job.run": {"runs": [7], "durable": True},
                     "run.logs": Stream([{"entries": [{"at": "2026-03-01T10:00:00.250+01:00", "stream": "stdout", "partial": False, "text": "hi"}]}],
                                        {"run": row, "ended": True})}) as d:
        status, out, err = d.jobctl("wait", "7")
        if not tap.ok(status == code and out == "" and err.startswith("Run 7 of backup: " + fields["state"]), f"wait: {name}"):
            tap.diag(f"exit {status}, wanted {code}; out {out!r}; err {err!r}")
        status, out, err = d.jobctl("run", "--wait", "backup")
        tap.ok(status == code and out == "7\n" and fields["state"] in err, f"run --wait: {name}")
        status, out, err = d.jobctl("run", "--follow", "backup")
        tap.ok(status == code and out == "hi\n" and fields["state"] in err, f"run --follow: {name}")
        status, out, err = d.jobctl("run", "--wait", "-q", "backup")
        tap.ok(status == code and out == "7\n" and err == "", f"run --wait -q: {name}")
        status, out, err = d.jobctl("run", "--wait", "--json", "backup")
        doc = json.loads(out)
        tap.ok(status == code and err.count("\n") == 1 and doc["runs"] == [7] and doc["ended"] == [row], f"run --wait --json: {name}")

rows = {1: run_row(1, state="succeeded", exit_code=0), 2: run_row(2, state="failed", reason="exit", exit_code=5), 3: run_row(3, state="lost")}
with FakeDaemon({"run.wait": lambda p: {"runs": [rows[i] for i in sorted(p["runs"], reverse=True)], "timed_out": False}}) as d:
    tap.is_(d.jobctl("wait", "1", "2", "3")[0], 5, "several runs: the first that is not 0, in the order given")
    tap.is_(d.jobctl("wait", "3", "2")[0], 125, "… and the other way round")
    tap.is_(d.jobctl("wait", "1")[0], 0, "… and none")

with FakeDaemon({"run.wait": {"runs": [run_row(state="running", ended_at=None)], "timed_out": True}}) as d:
    one_line(126, d.jobctl("wait", "7", "--timeout", "1m30s"), "wait --timeout runs out", "the time is up", "7")
    tap.ok(0 < d.calls[0][1]["timeout"] <= 90, "the daemon is told how long")
with FakeDaemon({"run.wait": {"runs": [], "timed_out": False}}) as d:
    one_line(126, d.jobctl("wait", "7"), "an answer without the run", "7")
with FakeDaemon({"run.list": {"runs": [], "cursor": None}, "job.list": {"jobs": [job_row()], "cursor": None}}) as d:
    one_line(126, d.jobctl("wait", "backup"), "wait for a job without a live run", "no live run")
    tap.is_(d.jobctl("runs", "backup")[0], 0, "runs of a job that has not run")
    tap.is_(d.calls[0][1]["states"], ["waiting", "queued", "starting", "running", "backoff"], "live runs are asked for")
with FakeDaemon({"run.list": {"runs": [], "cursor": None}, "job.list": Refuse("not_found", "no job matches")}) as d:
    one_line(126, d.jobctl("wait", "backup"), "wait for a job that isn't there", "no such job: backup")
    one_line(3, d.jobctl("runs", "backup"), "runs of a job that isn't there", "no such job: backup")
    one_line(3, d.jobctl("runs", "backup", "--json"), "runs --json of a job that isn't there", "no such job: backup")
    tap.is_(d.jobctl("runs", "b*")[0], 0, "a pattern may match nothing")
with FakeDaemon({"run.list": {"runs": [run_row(8), run_row(9)], "cursor": None},
                 "run.wait": lambda p: {"runs": [run_row(i) for i in p["runs"]], "timed_out": False}}) as d:
    tap.is_(d.jobctl("wait", "--job", "b*", "--user", "root")[0], 0, "wait by filters")
    tap.is_(d.calls[1][1]["runs"], [8, 9], "… for the runs that were found")

# ---- the daemon goes away and comes back
with FakeDaemon({}) as d:
    def first_wait(params):
        """The daemon dies while the call is held, and is back a moment later."""
        d.methods["run.wait"] = {"runs": [run_row(state="failed", reason="exit", exit_code=9)], "timed_out": False}
        d.stop()
        threading.Timer(0.5, d.listen).start()
        return Hangup

    d.methods["run.wait"] = first_wait
    status, out, err = d.jobctl("wait", "7")
    tap.is_((status, out), (9, ""), "wait goes on over a restart of the daemon")
    tap.ok("lost, trying again" in err, "… and says so")

    def told_to_end(params):
        """The daemon ends in good order: it answers what it holds."""
        first_wait(params)
        return Refuse("unavailable", "the daemon is shutting down")

    d.methods["run.wait"] = told_to_end
    status, out, err = d.jobctl("wait", "7")
    tap.is_((status, out), (9, ""), "… also if the daemon says that it ends")
    tap.ok("shutting down" not in err, "… which is no error")

with FakeDaemon({"run.wait": Hangup}) as d:
    def third(params):
        """Twice a connection that is dropped at once, then an answer."""
        if [m for m, _ in d.calls].count("run.wait") < 3:
            return Hangup
        return {"runs": [run_row(exit_code=0)], "timed_out": False}

    d.methods["run.wait"] = third
    status, out, err = d.jobctl("wait", "7")
    tap.is_((status, err.count("trying again")), (0, 1), "connections that are dropped at once are tried again, and said once")

with FakeDaemon({"job.run": {"runs": [7], "durable": True}}) as d:
    entry = lambda at, text: {"at": f"2026-03-01T10:00:00.{at}+01:00", "stream": "stdout", "partial": False, "text": text}  # noqa: E731
    lines = [entry("100", "one"), entry("200", "two"), entry("200", "three"), entry("200", "four"), entry("300", "five")]

    def logs(params):
        since = params.get("since")
        if since is None:
            return Stream([{"entries": lines[:3]}], Hangup)
        return Stream([{"entries": [e for e in lines if e["at"] >= since]}], {"run": None, "ended": True})

    d.methods["run.logs"] = logs
    d.methods["run.wait"] = {"runs": [run_row(exit_code=0)], "timed_out": False}
    status, out, err = d.jobctl("run", "--follow", "backup")
    tap.is_((status, out), (0, "one\ntwo\nthree\nfour\nfive\n"), "--follow over a restart neither repeats nor leaves out a line")

with FakeDaemon({"job.run": Hangup}) as d:
    one_line(5, d.jobctl("run", "x"), "a connection lost in the middle of a change", "lost before its answer")
    tap.is_([m for m, _ in d.calls], ["job.run"], "… is not asked twice")

# ---- answers that are none
for data, words in [
    (b"\x00\xff garbage\n", ["makes no sense"]), (b"HTTP/1.1 400 Bad Request\r\n", ["makes no sense"]), (b"[1,2]\n", ["makes no sense"]),
    (b'{"jsonrpc":"2.0","id":1}\n', ["makes no sense"]), (b'{"jsonrpc":"2.0","id":99,"result":{}}\n', ["makes no sense"]),
    (b'{"jsonrpc":"2.0","id":1,"result":7}\n', ["makes no sense"]), (b'{"jsonrpc":"2.0","id":1,"result":{},"result":{}}\n', ["makes no sense"]),
    (b'{"id":1,"result":' + b"[" * 100 + b"]" * 100 + b"}\n", ["makes no sense"]),
    (b'{"jsonrpc":"2.0","id":1,"result":{"jobs":7}}\n', ["no `jobs'"]), (b'{"jsonrpc":"2.0","id":1,"error":{}}\n', []),
    (b'{"jsonrpc":"2.0","method":"event","params":{"call":1}}\n', ["streams"]),
    (b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad JSON","data":{"code":"invalid"}}}\n', ["bad JSON"]),
]:
    with FakeDaemon({"job.list": Raw(data)}) as d:
        status, out, err = d.jobctl("list", "--json")
        if not tap.ok(status in (1, 2) and out == "" and err.count("\n") == 1 and all(w in err for w in words), f"garbage: {data[:40]!r}"):
            tap.diag(f"exit {status} {out!r} {err!r}")
for method, args in [("system.status", ["status"]), ("job.show", ["show", "x"]), ("run.show", ["show", "7"]), ("why", ["why", "x"]), ("job.cat", ["cat", "x"]),
                     ("job.next", ["next"]), ("run.cancel", ["cancel", "7"]), ("job.pause", ["pause", "x"]), ("job.run", ["run", "x"]),
                     ("system.reload", ["reload"]), ("system.status", ["status", "--check"])]:
    for empty in ({}, {"runs": 3, "job": [], "run": "x", "jobs": {}, "next": 5, "files": "no", "text": 4, "causes": 1}):
        with FakeDaemon({"job.list": {"jobs": [], "cursor": None}, "job.next": {"next": []}, **{method: empty}}) as d:
            status, out, err = d.jobctl(*args)
            tap.ok(0 <= status <= 6, f"an answer of {empty} to {' '.join(args)} does not crash")

# ---- another version
with FakeDaemon({"system.version": {"version": "9.1", "protocol": 2}}) as d:
    one_line(1, d.jobctl("list"), "a daemon of another protocol", "9.1", "protocol 2", "protocol 1")
with FakeDaemon({"system.version": {"version": "0.1.1", "protocol": 1}}) as d:
    one_line(1, d.jobctl("list"), "a daemon that lacks a method", "job.list")

# ---- pages
def pages(params):
    n = int(params.get("cursor") or 0)
    rows = [run_row(100000 - n - i) for i in range(min(params["limit"], 2500 - n))]
    return {"runs": rows, "cursor": str(n + len(rows)) if n + len(rows) < 2500 else None}


with FakeDaemon({"run.list": pages}) as d:
    status, out, err = d.jobctl("runs", "--json")
    ids = [r["id"] for r in json.loads(out)["runs"]]
    tap.is_((status, err, ids), (0, "", list(range(100000, 97500, -1))), "pages are put together")
    tap.ok(all(p["limit"] <= 1000 for _, p in d.calls), "… each at most 1000")
    tap.is_(d.jobctl("runs", "-q", "-n", "3")[1], "100000\n99999\n99998\n", "-n 3 -q")
    tap.is_(len(d.jobctl("runs", "-o", "jsonl", "-n", "1200")[1].splitlines()), 1200, "-n over a page")
with FakeDaemon({"run.list": lambda p: Dribble({"runs": [run_row(2 if "cursor" not in p else 1)], "cursor": None if "cursor" in p else "x"})}) as d:
    tap.is_(d.jobctl("runs", "-q")[:2], (0, "2\n1\n"), "answers that come byte by byte")
with FakeDaemon({"run.list": lambda p: {"runs": [run_row(5)], "cursor": "x"} if "cursor" not in p else Hangup}) as d:
    status, out, err = d.jobctl("runs", "--json")
    tap.ok(status == 5 and out.startswith("{") and not out.rstrip().endswith("}]}"), "a page that is lost leaves a document that does not look whole")
with FakeDaemon({"run.list": {"runs": [run_row()], "cursor": "same"}}) as d:
    status, out, err = d.jobctl("runs", "-q")
    tap.ok(status == 1 and "same page" in err, "pages that go round in a circle end")

# ---- acting
with FakeDaemon({"run.cancel": {"runs": [], "durable": True}}) as d:
    one_line(6, d.jobctl("cancel", "backup"), "nothing to cancel", "no live run")
with FakeDaemon({"run.cancel": lambda p: {"runs": p.get("runs") or [7], "durable": False}, "job.list": {"jobs": [job_row("a"), job_row("b")], "cursor": None}}) as d:
    status, out, err = d.jobctl("cancel", "7", "8", "-q")
    tap.is_((status, out), (0, "7\n8\n"), "cancel -q prints the numbers")
    tap.ok("can't write it down" in err, "not durable: a warning")
    tap.is_(d.calls[-1], ("run.cancel", {"runs": [7, 8]}), "cancel of runs")
    d.jobctl("cancel", "--signal", "HUP", "backup")
    tap.is_(d.calls[-1], ("run.cancel", {"jobs": ["backup"], "signal": "HUP"}), "cancel --signal of a job")
    d.jobctl("kill", "7")
    tap.is_(d.calls[-1], ("run.cancel", {"runs": [7], "signal": "TERM"}), "kill sends TERM")
    d.jobctl("stop", "*")
    tap.is_(d.calls[-1], ("run.cancel", {"jobs": ["a", "b"]}), "patterns are looked up")
    tap.is_(json.loads(d.jobctl("cancel", "7", "--json")[1])["durable"], False, "cancel --json has durable")
with FakeDaemon({m: lambda p: {"jobs": p["jobs"], "durable": True} for m in ("job.pause", "job.resume", "job.enable", "job.disable")}) as d:
    status, out, err = d.jobctl("pause", "backup", "--until", "2026-12-24T18:00:00+01:00", "-m", "for christmas", "--hold")
    tap.is_((status, out, err), (0, "", "backup: paused\n"), "pause says what it did")
    tap.is_(d.calls[-1][1]["why"], "for christmas", "… why")
    tap.ok(d.calls[-1][1]["hold"] is True and d.calls[-1][1]["until"].startswith("2026-12-24T"), "… hold and until")
    for verb in ("resume", "enable", "disable"):
        status, out, err = d.jobctl(verb, "backup", "--json")
        tap.is_((status, json.loads(out)["jobs"], d.calls[-1]), (0, ["backup"], (f"job.{verb}", {"jobs": ["backup"]})), verb)
with FakeDaemon({"job.run": lambda p: {"runs": [7 + i for i, _ in enumerate(p["jobs"])], "durable": True}}) as d:
    tap.is_(d.jobctl("run", "a", "b"), (0, "7\n8\n", "Run 7 of a\nRun 8 of b\n"), "run prints numbers, words go elsewhere")
    tap.is_(d.jobctl("start", "a", "--force", "-q")[:2], (0, "7\n"), "start is run")
    tap.is_(d.calls[-1][1], {"jobs": ["a"], "force": True}, "--force is passed on")
    doc = json.loads(d.jobctl("--json", "run", "a")[1])
    tap.is_((doc["runs"], doc["durable"], doc["schema_version"]), ([7], True, 1), "run --json")
with FakeDaemon({"job.list": {"jobs": [], "cursor": None}}) as d:
    one_line(3, d.jobctl("run", "x*"), "a pattern without a match", "no job matches")
    one_line(3, d.jobctl("list", "x*"), "list of nothing that was named", "no job matches")
    tap.is_(d.jobctl("list", "x*", "--failed"), (0, "", ""), "list of nothing that failed")
BAD = {"path": "/etc/jobs.d/x.yaml", "state": "stale", "errors": [{"line": 3, "column": 5, "key": "schedul", "message": "unknown key", "hint": "did you mean `schedule`?"}], "warnings": []}
with FakeDaemon({"system.reload": {"files_total": 2, "files_bad": 1, "files": [BAD]}}) as d:
    status, out, err = d.jobctl("reload")
    tap.is_((status, out), (1, ""), "reload with a bad file exits 1")
    tap.is_(err.splitlines()[0], "/etc/jobs.d/x.yaml:3:5: error: schedul: unknown key (did you mean `schedule`?)", "… and says where")
with FakeDaemon({"system.reload": {"files_total": 2, "files_bad": 0, "files": []}}) as d:
    tap.is_(d.jobctl("reload")[0], 0, "reload")

# ---- status --check
STATUS = {"version": "0.1.0", "pid": 4, "state": "ok", "started_at": "2026-03-01T10:00:00+01:00", "runner_pid": 5, "jobs": 12, "jobs_blocked": 0,
          "runs": {}, "files_total": 3, "files_bad": 0, "files": [], "cursor": None}
FAILED = job_row("dump", last=run_row(state="failed", reason="exit", exit_code=2))
for name, status, jobs, args, code, word in [
    ("all is well", {}, [], [], 0, "OK"),
    ("degraded", {"state": "degraded"}, [], [], 2, "CRITICAL"),
    ("a bad file", {"files_bad": 1}, [], [], 1, "WARNING"),
    ("blocked jobs", {"jobs_blocked": 2}, [], [], 1, "WARNING"),
    ("a failing job", {}, [FAILED], [], 2, "dump failed (exit 2)"),
    ("a tolerated failing job", {}, [FAILED], ["--max-failed", "1"], 1, "WARNING"),
    ("too many of them", {}, [FAILED, FAILED], ["--max-failed", "1"], 2, "failing=2"),
    ("a named job that is well", {"files_bad": 1}, [job_row("dump", last=run_row())], ["dump"], 0, "OK"),
    ("a named job that fails", {}, [FAILED], ["dump"], 2, "CRITICAL"),
    ("a named job that is paused", {}, [job_row("dump", paused={"by": "root"})], ["dump"], 1, "paused"),
    ("a named job that is off", {}, [job_row("dump", enabled=False)], ["dump"], 1, "disabled"),
    ("a named job that is blocked", {}, [job_row("dump", blocked="no such zone")], ["dump"], 2, "blocked"),
    ("a job that isn't there", {}, [], ["dump"], 3, "UNKNOWN"),
]:
    with FakeDaemon({"system.status": {**STATUS, **status}, "job.list": {"jobs": jobs, "cursor": None}}) as d:
        got, out, err = d.jobctl("status", "--check", *args)
        if not tap.ok(got == code and word in out and out.startswith("JOBSCHEDD ") and out.count("\n") == 1, f"status --check: {name}"):
            tap.diag(f"exit {got}, {out!r} {err!r}")
tap.is_(run("--socket", NOWHERE, "status", "--check")[0], 2, "status --check without a daemon is critical")
with FakeDaemon({"system.status": Refuse("denied", "no")}) as d:
    tap.is_(d.jobctl("status", "--check")[0], 3, "status --check without the right is unknown")
tap.is_(patient.wait(timeout=30), 2, "status --check of a daemon that hangs is critical")
hangs.__exit__()
for args in (["--max-failed", "x"], ["--bogus"]):
    tap.is_(run("status", *args, "--check")[0], 3, f"status --check {' '.join(args)}: wrong usage is unknown")
tap.done()
