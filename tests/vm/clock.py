#!/usr/bin/env python3
"""Inside a machine of its own: the service under systemd while the wall clock is set forward and back."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clockstory import Story  # noqa: E402


class Tap:
    n = failures = 0

    def ok(self, good, what, seen=None):
        self.n += 1
        self.failures += not good
        print("%sok %d - %s" % ("" if good else "not ", self.n, what), flush=True)
        if not good and seen:
            print("# " + str(seen)[:1500].replace("\n", "\n# "), flush=True)


def run(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)


class Service:
    now = staticmethod(time.time)
    notices = 0

    def set_clock(self, at):
        time.clock_settime(time.CLOCK_REALTIME, at)

    def configure(self, text):
        with open("/etc/jobschedd.yaml", "w") as f:
            f.write(text)

    def write_jobs(self, text):
        with open("/etc/jobs.d/clock.yaml", "w") as f:
            f.write(text)

    def start(self):
        r = run("systemctl", "start", "jobschedd.service")
        if r.returncode != 0:
            raise RuntimeError(r.stdout + run("journalctl", "-u", "jobschedd", "--no-pager", "-n", "30").stdout)

    def stop(self):
        run("systemctl", "stop", "jobschedd.service")

    def ctl(self, *words):
        r = run("jobctl", *words, "--json")
        if r.returncode != 0:
            raise RuntimeError("jobctl %s: %d: %s" % (" ".join(words), r.returncode, r.stdout))
        return json.loads(r.stdout)

    def log(self):
        return run("journalctl", "-u", "jobschedd", "--no-pager", "-o", "cat").stdout


def main():
    tap = Tap()
    story = Story(Service(), tap, 5)  # everything is slow here
    story.tell()
    tap.ok(run("systemctl", "is-active", "jobschedd.service").stdout.strip() == "active", "the service has lived through it all")
    print("1..%d" % tap.n)
    return 1 if tap.failures else 0


sys.exit(main())
