"""A real daemon below a folder of its own, for the longer tests."""
import fcntl
import glob
import json
import os
import signal
import struct
import subprocess
import time


def built(name):
    return os.path.join(os.environ["top_builddir"], name)


class Daemon:
    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.jobs = os.path.join(self.root, "etc/jobs.d")
        self.runs_dir = os.path.join(self.root, "run/jobsched/runs")
        os.makedirs(self.jobs, exist_ok=True)
        self.process = None
        self.env = {k: v for k, v in os.environ.items() if k not in ("JOBSCHED_SOCKET", "NOTIFY_SOCKET")}
        # What a sanitizer finds in the daemon, in its runner or in jobctl, wherever their stderr goes.
        self.sanitizer_log = os.path.join(self.root, "sanitizer")
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            options = [self.env[name]] if self.env.get(name) else []
            self.env[name] = ":".join(options + ["log_path=" + self.sanitizer_log])

    def write_job_file(self, name, text):
        tmp = os.path.join(self.jobs, "." + name)
        with open(tmp, "w") as f:
            f.write(text)
        os.rename(tmp, os.path.join(self.jobs, name))

    def start(self, *args, patience=30):
        log = open(os.path.join(self.root, "daemon.log"), "a")
        self.process = subprocess.Popen(
            [built("jobschedd"), "--root", self.root, "--runner", built("jobsched-runner"), "--log-format", "text", *args],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        log.close()
        end = time.monotonic() + patience
        while not self.answers():
            if self.process.poll() is not None:
                raise RuntimeError("the daemon ended with %d:\n%s" % (self.process.returncode, self.log_end()))
            if time.monotonic() > end:
                raise RuntimeError("the daemon does not answer:\n" + self.log_end())
            time.sleep(0.005)

    def log_end(self, size=3000):
        with open(os.path.join(self.root, "daemon.log"), errors="replace") as f:
            return f.read()[-size:]

    def answers(self):
        """True once something listens on the control socket: the daemon is ready."""
        import socket
        path = os.path.join(self.root, "run/jobsched/control.sock")
        s = socket.socket(socket.AF_UNIX)
        try:
            d = os.open(os.path.dirname(path), os.O_PATH)
        except FileNotFoundError:
            return False
        try:
            s.connect("/proc/self/fd/%d/control.sock" % d)
            return True
        except OSError:
            return False
        finally:
            os.close(d)
            s.close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, timeout=30):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def ctl(self, *args, check=True):
        r = subprocess.run([built("jobctl"), "--root", self.root, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env)
        if check and r.returncode != 0:
            raise RuntimeError("jobctl %s: %d: %s" % (" ".join(args), r.returncode, r.stderr.decode(errors="replace")))
        return r

    def json(self, *args):
        return json.loads(self.ctl(*args, "--json").stdout)

    def supervisors(self):
        """Pids of live attempts' supervisors, by the locks they hold."""
        for record in glob.glob(os.path.join(self.runs_dir, "*/record")):
            pid = lock_holder(record)
            if pid:
                yield pid

    def clean_up(self, tap=None):
        """Ends everything; with `tap`, what a sanitizer reported of the daemon, its runner or jobctl is a failure."""
        if self.process and self.process.poll() is None:
            self.kill()
        for pid in list(self.supervisors()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if tap:
            reports = [open(f, errors="replace").read(4000) for f in sorted(glob.glob(self.sanitizer_log + ".*"))]
            tap.ok(not reports, "no sanitizer reported anything", "\n".join(reports[:3]))


def lock_holder(path):
    try:
        with open(path, "rb") as f:
            answer = fcntl.fcntl(f, fcntl.F_GETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
    except (FileNotFoundError, PermissionError):
        return None
    kind, _, _, _, pid = struct.unpack("hhqqi4x", answer)
    return pid if kind != fcntl.F_UNLCK else None


class Tap:
    def __init__(self):
        self.n = self.failures = 0

    def ok(self, good, name, detail=""):
        self.n += 1
        self.failures += not good
        print("%sok %d - %s" % ("" if good else "not ", self.n, name), flush=True)
        if not good and detail:
            for line in str(detail).splitlines()[:40]:
                print("# " + line)
        return good

    def note(self, text):
        print("# " + text, flush=True)

    def done(self):
        print("1..%d" % self.n)
        return 1 if self.failures else 0
