#!/usr/bin/env python3
"""What the daemon tells its service manager: ready, reloading, stopping, and that its loop is alive; socket activation."""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/lib"))
import tap  # noqa: E402

BUILD = os.environ["top_builddir"]
PATIENCE = 60


def built_with_libsystemd():
    with open(os.path.join(BUILD, "config.h"), encoding="utf-8") as f:
        return re.search(r"^#define HAVE_LIBSYSTEMD 1", f.read(), re.M)


class Manager:
    """The manager's end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)
        self.told = []

    def wait_for(self, word):
        """Reads messages until one has this assignment; False if the daemon falls silent."""
        while True:
            try:
                lines = self.socket.recv(65536).decode().splitlines()
            except socket.timeout:
                return False
            self.told += lines
            if word in lines:
                return True


def start(root, manager, listen=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LISTEN_", "WATCHDOG_"))}
    env["NOTIFY_SOCKET"] = manager.path
    env["WATCHDOG_USEC"] = "400000"
    command = [os.path.join(BUILD, "jobschedd"), "--root", root, "--runner", os.path.join(BUILD, "jobsched-runner")]
    log = open(os.path.join(root, "daemon.log"), "ab")
    if listen is None:
        p = subprocess.Popen(command, env=env, stderr=log, stdout=log)
    else:
        # LISTEN_PID must be the daemon's own, so a shell becomes it.
        os.dup2(listen.fileno(), 3)
        env["LISTEN_FDS"] = "1"
        p = subprocess.Popen(["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *command], env=env, stderr=log, stdout=log, pass_fds=(3,))
    log.close()
    return p


def main():
    if not built_with_libsystemd():
        tap.skip_all("built without libsystemd")
    with tempfile.TemporaryDirectory(prefix="jobsched-notify.") as root:
        manager = Manager(root)
        p = start(root, manager)
        try:
            tap.ok(manager.wait_for("READY=1"), "READY=1")
            tap.ok(any(line.startswith("STATUS=") for line in manager.told), "with a STATUS=")
            tap.ok(os.path.exists(os.path.join(root, "run/jobsched/control.sock")), "not before the socket is there")
            tap.ok(manager.wait_for("WATCHDOG=1") and manager.wait_for("WATCHDOG=1"), "WATCHDOG=1, again and again")
            p.send_signal(signal.SIGHUP)
            tap.ok(manager.wait_for("RELOADING=1"), "RELOADING=1 after HUP")
            tap.ok(manager.wait_for("READY=1"), "and READY=1 when it is done")
            p.send_signal(signal.SIGTERM)
            tap.ok(manager.wait_for("STOPPING=1"), "STOPPING=1 after TERM")
            tap.is_(p.wait(PATIENCE), 0, "and it ends well")
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()

    with tempfile.TemporaryDirectory(prefix="jobsched-notify.") as root:
        manager = Manager(root)
        listen = socket.socket(socket.AF_UNIX)
        path = os.path.join(root, "activated.sock")
        listen.bind(path)
        listen.listen(16)
        p = start(root, manager, listen)
        try:
            tap.ok(manager.wait_for("READY=1"), "ready with a socket that the manager made")
            r = subprocess.run([os.path.join(BUILD, "jobctl"), "--socket", path, "version"], stdout=subprocess.PIPE, check=False)
            tap.ok(r.returncode == 0 and b"jobschedd" in r.stdout, "it answers there")
            p.send_signal(signal.SIGTERM)
            tap.is_(p.wait(PATIENCE), 0, "and ends well")
            tap.ok(os.path.exists(path), "leaving the manager's socket alone")
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()
    tap.done()


main()
