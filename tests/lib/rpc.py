"""A client of the control socket that does what it is told, also what no good client would."""
import itertools
import json
import os
import socket


class Client:
    def __init__(self, root, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.buffer = b""
        self.ids = itertools.count(1)
        folder = os.open(os.path.join(root, "run/jobsched"), os.O_PATH)
        try:
            self.socket.connect("/proc/self/fd/%d/control.sock" % folder)
        finally:
            os.close(folder)

    def send(self, data):
        self.socket.sendall(data)

    def send_call(self, method, **params):
        i = next(self.ids)
        self.send(json.dumps({"jsonrpc": "2.0", "id": i, "method": method, "params": params}).encode() + b"\n")
        return i

    def read(self):
        """The next message; None once the other side has closed."""
        while b"\n" not in self.buffer:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def call(self, method, **params):
        """The whole reply; events that come before it are left out."""
        i = self.send_call(method, **params)
        while True:
            m = self.read()
            if m is None or m.get("id") == i:
                return m

    def code(self, method, **params):
        """data.code of the error, "" for a result, "closed"."""
        m = self.call(method, **params)
        return "closed" if m is None else m["error"]["data"]["code"] if "error" in m else ""

    def result(self, method, **params):
        m = self.call(method, **params)
        if m is None or "result" not in m:
            raise RuntimeError("%s: %r" % (method, m))
        return m["result"]

    def pages(self, method, key, **params):
        """All items, over the pages; and how many pages there were."""
        items, pages, cursor = [], 0, {}
        while True:
            r = self.result(method, **params, **cursor)
            items += r[key]
            pages += 1
            if r["cursor"] is None:
                return items, pages
            cursor = {"cursor": r["cursor"]}

    def close(self):
        self.socket.close()
