#!/usr/bin/env python3
"""A real daemon whose wall clock is set forward and back, by libfaketime.

Here the daemon is not told that its clock was set (the kernel knows nothing of it) and sees it when it next wakes; that it is told at once,
tests/vm/clock.py looks at.
"""
import glob
import os
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/lib"))
from clockstory import Story  # noqa: E402
from sched import Daemon, Tap  # noqa: E402


class World:
    notices = 4  # when it next wakes for one of the jobs

    def __init__(self, root, library):
        self.d = Daemon(root)
        self.d.env["TZ"] = "UTC"
        self.offset = 0
        self.file = os.path.join(root, "clock")
        self.set_clock(time.time())
        # For the daemon alone: jobctl asks it for the time.
        self.faked = dict(LD_PRELOAD=library, FAKETIME_TIMESTAMP_FILE=self.file, FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1")

    def now(self):
        return time.time() + self.offset

    def set_clock(self, at):
        self.offset = round(at - time.time())
        with open(self.file + ".new", "w") as f:
            f.write("%+d\n" % self.offset)
        os.rename(self.file + ".new", self.file)

    def configure(self, text):
        with open(os.path.join(self.d.root, "etc/jobschedd.yaml"), "w") as f:
            f.write(text)

    def write_jobs(self, text):
        self.d.write_job_file("clock.yaml", text)

    def start(self):
        plain = self.d.env
        self.d.env = dict(plain, **self.faked)
        try:
            self.d.start()
        finally:
            self.d.env = plain

    def stop(self):
        self.d.terminate()

    def ctl(self, *words):
        return self.d.json(*words)

    def log(self):
        return self.d.log_end(1 << 20)


def main():
    tap = Tap()
    library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
    with open(os.path.join(os.environ["top_builddir"], "config.status"), errors="replace") as f:
        sanitized = re.search(r"-fsanitize=", f.read())
    if not library or sanitized:
        print("1..0 # SKIP %s" % ("sanitizers want to be loaded first" if library else "faketime is not installed"))
        return 0
    root = tempfile.mkdtemp(prefix="jobsched-clock-")
    world = World(root, library)
    try:
        Story(world, tap, 2).tell()
    finally:
        world.d.clean_up(tap)
        shutil.rmtree(root, ignore_errors=True)
    return tap.done()


sys.exit(main())
