#!/usr/bin/env python3
"""The control socket of a real daemon under clients that ask too much, and answers that are long or late.

CONTROL_ROUNDS (500): clients that go away in the middle.   CONTROL_SLOW=1: also the half minute of a half line.
"""
import datetime
import os
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/lib"))
from rpc import Client  # noqa: E402
from sched import Daemon, Tap  # noqa: E402

ROUNDS = int(os.environ.get("CONTROL_ROUNDS", "500"))
SLOW = os.environ.get("CONTROL_SLOW") == "1"
JOBS = 3000

OUTPUT = """\
  talks: {command: 'i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.02; done; echo oops >&2; exit 3'}
  floods: {command: 'i=0; while [ $i -lt 20000 ]; do echo "line $i of a flood that is longer than what is kept of it"; i=$((i+1)); done', log: {max: 200K}}
  sleeps: {command: [sleep, "1000"], concurrency: allow}
  beats: {schedule: "* * * * * *", command: [/bin/true]}
"""


def descriptors(d):
    return len(os.listdir("/proc/%d/fd" % d.process.pid))


def memory(d):
    with open("/proc/%d/status" % d.process.pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def instant(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def eventually(what, patience=30):
    end = time.monotonic() + patience
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def lines_and_floods(tap, d):
    c = Client(d.root)
    before = memory(d)
    c.send(b"x" * (2 << 20) + b"\n")
    m = c.read()
    tap.ok(m["error"]["data"] == {"code": "invalid", "position": 1 << 20}, "a line of 2 MiB is refused, with the place", m)
    tap.ok(c.code("system.version") == "", "and the connection goes on")
    c.send(b"x" * (1 << 20))
    for _ in range(100):
        c.send(b"y" * (1 << 20))
    c.send(b"\n")
    m = c.read()
    tap.ok(m["error"]["data"]["code"] == "invalid" and c.code("system.version") == "", "a line of 100 MiB, too", m)
    # A sanitizer keeps what is freed for a while.
    tap.ok(memory(d) - before < 16 << 10 or "-fsanitize" in os.environ.get("CFLAGS", ""), "which the daemon never held", memory(d) - before)
    c.send(b'{"jsonrpc":')
    other = Client(d.root)
    tap.ok(other.code("system.version") == "", "half a line holds up nobody")
    c.send(b'"2.0","id":"late","method":"system.version"}\n')
    tap.ok(c.read()["id"] == "late", "and is answered when it is whole")
    if SLOW:
        c.send(b"{")
        begin = time.monotonic()
        c.socket.settimeout(60)
        closed = c.read() is None
        tap.ok(closed and 29 < time.monotonic() - begin < 33, "after half a minute in the middle of a line it is closed", time.monotonic() - begin)
    c.close()
    other.close()


def connections(tap, d):
    before = descriptors(d)
    clients, answers = [], []
    for _ in range(300):
        clients.append(Client(d.root))
        try:
            clients[-1].send(b'{"jsonrpc":"2.0","id":1,"method":"system.version"}\n')
        except BrokenPipeError:
            pass  # told before it asked, and closed: the answer is there to be read
    for c in clients:
        m = c.read()
        answers.append(m["error"]["data"]["code"] if m and "error" in m else "" if m else "closed")
    tap.ok(answers.count("") == 256 and answers.count("busy") == 44, "300 connections: 256 are served, 44 are told", answers)
    for c in clients:
        c.close()
    tap.ok(eventually(lambda: descriptors(d) <= before), "and none is left")


def going_away(tap, d):
    """In the middle of every kind of request, with the answer still being made."""
    calls = [
        b'{"jsonrpc":"2.0","id":1,"method":"job.list"}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"job.next","params":{"n":5000}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"run.list","params":{"limit":1000}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"run.wait","params":{"runs":[%d]}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"run.logs","params":{"run":%d,"follow":true}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"run.logs","params":{"job":"floods"}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"job.pause","params":{"jobs":["j000?"]}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"why","params":{"job":"beats"}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"job.cat","params":{"job":"beats"}}\n',
        b'{"jsonrpc":"2.0","id":1,"met',
    ]
    stays = Client(d.root)
    live = stays.result("job.run", jobs=["sleeps"])["runs"][0]
    before = descriptors(d)
    for i in range(ROUNDS):
        c = Client(d.root)
        call = calls[i % len(calls)]
        c.send(call % live if b"%d" in call else call)
        if i % 3 == 0:
            c.socket.recv(1) if i % len(calls) not in (3, 4, 9) else time.sleep(0.001)
        c.close()
    tap.ok(eventually(lambda: descriptors(d) <= before + 1), "%d clients that went away in the middle left no descriptor" % ROUNDS,
           "%d, then %d" % (before, descriptors(d)))
    tap.ok(stays.code("system.version") == "", "one that stayed is served")
    stays.result("job.resume", jobs=["j000?"])
    stays.result("run.cancel", runs=[live])
    stays.close()


def not_reading(tap, d):
    c = Client(d.root)
    before = memory(d)
    c.socket.settimeout(0.5)
    sent = 0
    try:
        while sent < 100000:
            c.send(b'{"jsonrpc":"2.0","id":%d,"method":"job.list","params":{"limit":1000}}\n' % sent)
            sent += 1
    except TimeoutError:
        pass
    tap.ok(10 < sent < 100000, "a client that does not read can send no more after a while", sent)
    tap.ok(memory(d) - before < 32 << 10, "and costs the daemon little", "%d KiB" % (memory(d) - before))
    begin = time.monotonic()
    other = Client(d.root)
    tap.ok(other.code("system.status") == "" and time.monotonic() - begin < 5, "others are served")
    other.close()
    c.close()


def punctual(tap, d):
    """What clients do does not make jobs late: starts of a job that is due each second."""
    stop = threading.Event()

    def bother():
        while not stop.is_set():
            c = Client(d.root)
            for _ in range(20):
                c.call("job.list", patterns=["*7*", "*8*"])
                c.call("job.next", n=3000)
            c.close()

    c = Client(d.root)
    first = c.result("run.list", jobs=["beats"], limit=1)["runs"][0]["id"]
    threads = [threading.Thread(target=bother) for _ in range(4)]
    for t in threads:
        t.start()
    tap.ok(eventually(lambda: len([r for r in c.result("run.list", jobs=["beats"], limit=20)["runs"] if r["id"] > first]) >= 5),
           "a job that is due each second runs while clients ask for everything")
    stop.set()
    for t in threads:
        t.join()
    runs = [r for r in c.result("run.list", jobs=["beats"], limit=20)["runs"] if r["id"] > first]
    late = [instant(r["started_at"]) - instant(r["scheduled_at"]) for r in runs if r["started_at"]]
    tap.note("the latest of %d began %.0f ms after its instant" % (len(late), max(late) * 1000))
    tap.ok(all(r["trigger"] == "schedule" for r in runs), "each at its instant, none caught up", [r["trigger"] for r in runs])
    c.close()


def paging(tap, d):
    c = Client(d.root)
    for limit in (7, 500, 1000):
        jobs, pages = c.pages("job.list", "jobs", patterns=["j*"], limit=limit)
        names = [j["name"] for j in jobs]
        tap.ok(names == sorted(set(names)) and len(names) == JOBS, "%d jobs in %d pages: each once, in order" % (JOBS, pages), len(names))
    runs = c.result("job.run", jobs=["j00*"])["runs"]
    tap.ok(len(runs) == 100 and c.result("run.wait", runs=runs)["timed_out"] is False, "a hundred runs by a pattern, waited for")
    found, pages = c.pages("run.list", "runs", jobs=["j*"], limit=9)
    ids = [r["id"] for r in found]
    tap.ok(ids == sorted(runs, reverse=True) and pages >= 12, "their history, newest first, in %d pages" % pages, len(ids))
    tap.ok(all(r["state"] == "succeeded" and r["exit_code"] == 0 for r in found), "all of them succeeded")
    c.close()


def text(events):
    return "".join(e["text"] + ("" if e["partial"] else "\n") for m in events for e in m["params"]["entries"])


def stream(c, **params):
    """Events and the result of run.logs."""
    i = c.send_call("run.logs", **params)
    events = []
    while True:
        m = c.read()
        if m.get("id") == i:
            return events, m.get("result")
        events.append(m)


def logs(tap, d):
    c = Client(d.root)
    run = c.result("job.run", jobs=["talks"])["runs"][0]
    events, result = stream(c, run=run, follow=True)
    want = "".join("line %d\n" % i for i in range(40))
    tap.ok(text(events).replace("oops\n", "") == want and "oops\n" in text(events), "a run is followed from its start to its last line", text(events))
    tap.ok(len(events) > 2, "as it comes (%d events)" % len(events))
    tap.ok(result["ended"] and result["run"]["exit_code"] == 3 and result["run"]["state"] == "failed", "and the end is told", result)
    events, result = stream(c, job="talks", lines=2, stream="stdout")
    tap.ok(text(events) == "line 38\nline 39\n", "the last lines of one stream", text(events))
    events, _ = stream(c, job="talks", stream="stderr")
    tap.ok(text(events) == "oops\n", "the other stream", text(events))
    run = c.result("job.run", jobs=["floods"])["runs"][0]
    c.result("run.wait", runs=[run])
    events, result = stream(c, run=run)
    got = text(events)
    dropped = sum(m["params"].get("dropped", 0) for m in events)
    tap.ok(got.startswith("line 0 of") and "line 19999 of" in got, "head and tail of a flood")
    tap.ok(dropped == result["run"]["dropped_bytes"] > 0 and len(got) + dropped == result["run"]["output_bytes"], "what is missing is told to the byte",
           (len(got), dropped, result["run"]["output_bytes"]))
    tap.ok(c.call("run.logs", run=10**9)["error"]["data"]["code"] == "not_found", "no such run")
    c.close()


def restart(tap, d):
    """Who waits is told that the daemon goes; the run goes on, and its end is there for the next one who asks."""
    c = Client(d.root)
    run = c.result("job.run", jobs=["talks"])["runs"][0]
    i = c.send_call("run.wait", runs=[run])
    c.call("system.version")  # behind it: now it waits
    tap.ok(d.terminate() == 0, "TERM ends the daemon")
    m = c.read()
    tap.ok(m["id"] == i and m["error"]["data"]["code"] == "unavailable" and c.read() is None, "who waited was told", m)
    c.close()
    d.start()
    c = Client(d.root)
    r = c.result("run.wait", runs=[run], timeout=60)
    tap.ok(not r["timed_out"] and r["runs"][0]["exit_code"] == 3, "and gets the end from the next daemon", r)
    c.close()


def others(tap, d):
    """On a private daemon everybody may see, and only its owner may do."""
    if os.geteuid() != 0:
        tap.note("rights of other users: needs root")
        return
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        c = Client(d.root)
        codes = [c.code("job.list"), c.code("why", job="beats"), c.code("job.run", jobs=["beats"]), c.code("run.logs", job="talks"),
                 c.code("system.reload"), c.code("job.cat", job="beats"), str(c.result("job.show", job="beats")["job"]["definition"])]
        os.write(write_end, ",".join(codes).encode())
        os._exit(0)
    os.close(write_end)
    os.waitpid(pid, 0)
    got = os.read(read_end, 1000).decode()
    os.close(read_end)
    tap.ok(got == ",,denied,denied,denied,denied,None", "nobody may see, but not run, read or reload", got)
    log = d.log_end(100000)
    tap.ok("audit: uid 65534" in log and "job.run beats: denied" in log, "what was refused is in the audit log")


def main():
    tap = Tap()
    root = tempfile.mkdtemp(prefix="jobsched-control-")
    os.chmod(root, 0o755)
    d = Daemon(root)
    d.write_job_file("many.yaml", "jobs:\n" + "".join('  j%04d: {schedule: "@yearly", command: [/bin/true]}\n' % i for i in range(JOBS)))
    d.write_job_file("output.yaml", "jobs:\n" + OUTPUT)
    try:
        d.start()
        for part in (paging, logs, lines_and_floods, connections, going_away, not_reading, punctual, others, restart):
            part(tap, d)
    finally:
        d.clean_up(tap)
        if not tap.failures:
            shutil.rmtree(root, ignore_errors=True)
        else:
            tap.note("left behind: " + root)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
