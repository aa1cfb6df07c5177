#!/usr/bin/env python3
"""jobctl check and schema: where errors are said to be, in every form, and which files are looked at."""
import csv
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
from fakedaemon import run  # noqa: E402

folder = tempfile.mkdtemp(prefix="test-check-")
os.environ["HOME"] = folder


def write(name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


GOOD = 'jobs:\n  a: {schedule: "0 3 * * *", command: "true"}\n'
good = write("good.yaml", GOOD)
bad = write("bad.yaml", 'jobs:\n  a:\n    schedul: "0 3 * * *"\n    command: "true"\n  b: {schedule: "0 25 * * *", command: "true"}\n')
past = write("past.yaml", 'jobs:\n  once: {schedule: "@at 2001-01-01T00:00", command: "true"}\n')

tap.is_(run("check", good), (0, "", "1 file, 1 job: no errors.\n"), "a good file")
tap.is_(run("check", "-q", good), (0, "", ""), "check -q")
tap.is_(run("validate", good)[0], 0, "validate is check")
code, out, err = run("check", bad)
lines = out.splitlines()
tap.is_((code, err), (1, "jobctl: 2 errors in 1 of 1 file\n"), "a bad file")
tap.is_(lines[0], f"{bad}:3:5: error: schedul: unknown key `schedul` (did you mean `schedule`?)", "path:line:column: error: key: message (hint)")
tap.ok(len(lines) == 2 and lines[1].startswith(f"{bad}:5:") and ": error: schedule: " in lines[1], "all errors of a file")
code, out, err = run("check", past)
tap.ok(code == 0 and out.startswith(f"{past}:2:") and ": warning: " in out, "a warning is no error")

code, out, err = run("check", "--json", good, bad)
doc = json.loads(out)
tap.is_((code, doc["schema_version"], [f["path"] for f in doc["files"]]), (1, 1, [good, bad]), "--json")
tap.is_(doc["files"][0]["errors"] + doc["files"][0]["warnings"], [], "… of a good file")
e = doc["files"][1]["errors"][0]
tap.is_((e["line"], e["column"], e["key"], e["hint"]), (3, 5, "schedul", "did you mean `schedule`?"), "… place, key and hint")
tap.is_(run("check", "-o", "name", good, bad)[1], bad + "\n", "-o name: files with errors")
rows = list(csv.DictReader(io.StringIO(run("check", "-o", "csv", bad, past)[1], newline="")))
tap.is_([(r["path"], r["line"], r["severity"]) for r in rows], [(bad, "3", "error"), (bad, "5", "error"), (past, "2", "warning")], "-o csv: a row for each finding")
tap.is_([json.loads(x)["path"] for x in run("check", "-o", "jsonl", good, bad)[1].splitlines()], [good, bad], "-o jsonl: a line for each file")

# the set
twice = write("twice.yaml", GOOD)
code, out, err = run("check", good, twice)
tap.ok(code == 1 and out.startswith(f"{twice}:2:3: error: a: ") and "good.yaml" in out, "a name that two files have")
code, out, err = run("check", "/nonexistent.yaml")
tap.is_((code, out), (1, "/nonexistent.yaml: error: No such file or directory\n"), "a file that isn't there")
fifo = os.path.join(folder, "fifo.yaml")
os.mkfifo(fifo)
tap.is_(run("check", fifo)[0], 1, "a pipe is no file, and nothing hangs")
odd = os.path.join(folder.encode(), b"odd-\xff.yaml")
with open(odd, "w", encoding="utf-8") as f:
    f.write("jobs: {}\n")
code, out, err = run("check", "--json", odd)
tap.ok(code == 1 and json.loads(out)["files"][0]["path"].endswith(r"odd-\xff.yaml"), "a path that is not UTF-8")
evil = write("evil.yaml", 'jobs:\n  a: {"\\e[31m": 1, command: "true"}\n')
tap.ok("\x1b" not in "".join(map(str, run("check", evil))), "what stands in a file steers no terminal")

# folders, and what the daemon would read
root = os.path.join(folder, "root")
write("root/etc/jobs.d/a.yaml", GOOD)
write("root/etc/jobs.d/b.yml", GOOD.replace("a:", "b:"))
write("root/etc/jobs.d/.hidden.yaml", "nonsense")
write("root/etc/jobs.d/c.yaml~", "nonsense")
tap.is_([os.path.basename(f["path"]) for f in json.loads(run("check", "--json", root + "/etc/jobs.d")[1])["files"]], ["a.yaml", "b.yml"], "a folder, as the daemon reads it")
tap.is_(run("--root", root, "check"), (0, "", "2 files, 2 jobs: no errors.\n"), "--root without words")
write("root/etc/jobschedd.yaml", "max_runing: 3\n")
code, out, err = run("--root", root, "check")
tap.ok(code == 1 and "jobschedd.yaml:1:1: error: max_runing: " in out and "max_running" in out, "… with its configuration")
write("other/z.yaml", "jobs: 7\n")
write("root/etc/jobschedd.yaml", f"jobs_dirs: [{folder}/other]\n")
code, out, err = run("--root", root, "check")
tap.ok(code == 1 and "other/z.yaml" in out, "… and the folders that it names")
config = write("strict.yaml", "on_stop: maybe\n")
tap.ok("strict.yaml:1:10: error: on_stop: " in run("check", "--config", config, good)[1], "--config is checked too")
tap.is_(run("check", "--user", env={"XDG_CONFIG_HOME": "", "HOME": ""})[0], 1, "--user without a home")
shutil.copytree(root + "/etc/jobs.d", folder + "/.config/jobs.d")
tap.is_(run("--user", "check", env={"HOME": folder})[0], 0, "--user reads one's own")
if os.getuid() == 0:
    os.chmod(folder, 0o755)
    theirs = write("theirs/t.yaml", GOOD)
    os.chmod(theirs, 0o666)
    code, out, err = run("check", "--host", theirs)
    tap.ok(code == 1 and "error" in out, "--host: a file that others may write")
    tap.is_(run("check", theirs)[0], 0, "… which is no matter without it")
nobody = write("nobody.yaml", 'jobs:\n  a: {command: "true", user: no-such-user-here}\n')
tap.is_(run("check", nobody)[0:2], (0, ""), "users are not looked at")
os.chmod(nobody, 0o644)
tap.ok("no-such-user-here" in run("check", "--host", nobody)[1], "… but with --host")

# the collection beside the sources, where it is
data = os.path.join(top, "../shared/data/jobfiles")
if os.path.isdir(data):
    stage = dict(line.rstrip("\n").split("\t")[:2] for line in open(os.path.join(data, "stage.tsv"), encoding="utf-8") if "\t" in line and not line.startswith("#"))
    expected = {}
    for line in open(os.path.join(data, "expected-bad.tsv"), encoding="utf-8"):
        if "\t" in line and not line.startswith("#"):
            name, place, word = line.rstrip("\n").split("\t")[:3]
            expected.setdefault(os.path.basename(name), []).append((place, word))

    def reported(error, place, word):
        text = " ".join(str(error[k]) for k in ("key", "message", "hint")).lower()
        if not any(w.lower() in text for w in word.split("|")):
            return False
        if place == "*":
            return True
        if "-" in place:
            first, last = map(int, place.split("-"))
            return error["line"] is not None and first <= error["line"] <= last
        wanted = list(map(int, place.split(":")))
        return [error["line"], error["column"]][: len(wanted)] == wanted

    for name, when in sorted(stage.items()):
        path = next((p for p in (os.path.join(data, d, os.path.basename(name)) for d in ("good", "bad")) if os.path.exists(p)), None)
        if when != "1" or not path:
            continue
        code, out, err = run("check", "--json", path)
        errors = json.loads(out)["files"][0]["errors"]
        if "/good/" in path:
            tap.ok(code == 0 and not errors, f"good: {os.path.basename(path)}") or tap.diag(errors)
        else:
            missing = [(p, w) for p, w in expected[os.path.basename(path)] if not any(reported(e, p, w) for e in errors)]
            tap.ok(code == 1 and not missing, f"bad: {os.path.basename(path)}") or tap.diag(f"missing {missing} in {errors}")

# ---- schema
code, out, err = run("schema")
tap.ok(code == 0 and "\ntimeout\n" in out and "\nretry.limit\n" in out, "schema: all keys")
tap.ok(run("schema", "timeout")[1].startswith("timeout\n"), "schema of a key")
code, out, err = run("schema", "timeuot")
tap.is_((code, out, err), (1, "", "jobctl: no such key: timeuot, did you mean `timeout`?\n"), "schema of none")
tap.ok("jobschedd.yaml" in run("schema", "on_stop")[1], "schema of a key of the configuration")
tap.is_(json.loads(run("schema", "--json")[1])["$schema"], "https://json-schema.org/draft/2020-12/schema", "schema --json is a JSON Schema")
tap.is_(json.loads(run("schema", "--json", "timeout")[1])["key"], "timeout", "schema --json of a key")
shutil.rmtree(folder)
tap.done()
