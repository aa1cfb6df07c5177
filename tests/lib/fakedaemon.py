"""A daemon that says what a test wants: JSON-RPC over a Unix socket, one thread a connection.

    with FakeDaemon({"run.wait": lambda p: {"runs": [...], "timed_out": False}}) as d:
        code, out, err = d.jobctl("wait", "7")

A method's value is a result, or a function of the params (or of params and connection) that returns one.  Instead of a result it may return

    Refuse("not_found", "no such job: x")       an error reply
    Stream([event, …], result)                  notifications, then the result
    Raw(b"…")                                   these bytes as they are
    Dribble(result)                             the result, a byte at a time
    Hangup                                      the connection is closed without an answer
    Silence                                     no answer, the connection stays
"""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading

Hangup = object()
Silence = object()


class Refuse:
    def __init__(self, code, message, rpc=-32000):
        self.error = {"code": rpc, "message": message, "data": {"code": code}}


class Stream:
    def __init__(self, events, result):
        self.events, self.result = events, result


class Raw:
    def __init__(self, data):
        self.data = data


class Dribble:
    def __init__(self, result):
        self.result = result


def program():
    top = os.environ.get("top_builddir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    return os.path.join(top, "jobctl")


def environment(**more):
    """Nothing of the caller's reaches jobctl but what a test means."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("JOBSCHED", "XDG_", "NO_COLOR", "COLUMNS"))}
    env.update(LC_ALL="C.UTF-8", TERM="xterm")
    env.update(more)
    return env


def run(*args, env=None, timeout=40, stdin=subprocess.DEVNULL):
    p = subprocess.run([program(), *args], stdin=stdin, capture_output=True, timeout=timeout, env=environment(**(env or {})))
    return p.returncode, p.stdout.decode("utf-8", "surrogateescape"), p.stderr.decode("utf-8", "surrogateescape")


class FakeDaemon:
    def __init__(self, methods):
        self.methods = dict(methods)
        self.calls = []  # (method, params), in the order they came
        self.folder = tempfile.mkdtemp(prefix="fakedaemon-")
        self.path = os.path.join(self.folder, "control.sock")
        self.listener = None

    def __enter__(self):
        self.listen()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(16)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """No more connections; the socket is gone, as after the end of a daemon."""
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
            os.unlink(self.path)

    def accept(self, listener):
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        with conn, conn.makefile("rb") as lines:
            for line in lines:
                try:
                    if not self.answer(conn, json.loads(line)):
                        return
                except OSError:
                    return

    def answer(self, conn, request):
        method, params = request["method"], request.get("params", {})
        self.calls.append((method, params))
        what = self.methods.get(method, Refuse("invalid", f"no such method: {method}", -32601))
        if callable(what):
            what = what(params)

        def send(**body):
            conn.sendall(json.dumps({"jsonrpc": "2.0", **body}).encode() + b"\n")

        if what is Hangup:
            conn.shutdown(socket.SHUT_RDWR)
            return False
        if what is Silence:
            return True
        if isinstance(what, Raw):
            conn.sendall(what.data)
        elif isinstance(what, Dribble):
            for byte in json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": what.result}).encode() + b"\n":
                conn.sendall(bytes([byte]))
        elif isinstance(what, Refuse):
            send(id=request["id"], error=what.error)
        elif isinstance(what, Stream):
            for event in what.events:
                send(method="event", params={"call": request["id"], **event})
            if what.result is Hangup:
                conn.shutdown(socket.SHUT_RDWR)
                return False
            send(id=request["id"], result=what.result)
        else:
            send(id=request["id"], result=what)
        return True

    def jobctl(self, *args, **more):
        return run("--socket", self.path, *args, **more)


def run_row(id=7, job="backup", state="succeeded", **more):
    """A run as the daemon describes it, ended unless told otherwise."""
    row = dict(id=id, job=job, state=state, reason="", trigger="manual", scheduled_at=None, scheduled_until=None, count=0,
               created_at="2026-03-01T10:00:00+01:00", queued_at="2026-03-01T10:00:00+01:00", started_at="2026-03-01T10:00:00.250+01:00",
               ended_at="2026-03-01T10:00:01.500+01:00", retry_at=None, attempt=1, start=1, exit_code=None, signal=None, flow=None,
               retry_of=None, queue=None, priority=None, user="root", flags=[], cause_run=None, by_uid=0, error=None, epoch=0, duration=1.25,
               cpu_user=0.5, cpu_system=0.25, max_rss=1048576, output_bytes=100, dropped_bytes=0)
    row.update(more)
    return row


def job_row(name="backup", **more):
    row = dict(name=name, enabled=True, paused=None, blocked=None, schedule=["30 2 * * *"], timezone=None, next="2026-03-02T02:30:00+01:00",
               last=None, running=0, active=0, file="/etc/jobs.d/backup.yaml", line=3, description=None, labels={}, user=None)
    row.update(more)
    return row
