#!/usr/bin/env python3
"""jobctl(1) has every command, alias and option of jobctl's table, each option beneath its command; and mandoc finds no fault in it."""
import json
import os
import re
import shutil
import subprocess
import sys

top = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(top, "tests/lib"))
import tap  # noqa: E402
from fakedaemon import run  # noqa: E402

PAGE = os.path.join(top, "man/jobctl.1")
text = open(PAGE, encoding="utf-8").read()
doc = json.loads(run("help", "--json")[1])


def flags(part):
    """Every option that a part of the page mentions: {"--json", "-o", …}."""
    found = set()
    for line in part.splitlines():
        for flag in re.findall(r"\bFl (-?[A-Za-z][A-Za-z-]*)", line):
            found.add("-" + flag)
    return found


# A command's part begins with its `.It Ic NAME` (or several in a row: aliases, forms) and ends at the next one or the next section.
parts, current = {}, []
for line in text.splitlines():
    item = re.match(r"\.It Ic (\S+)", line)
    if item:
        if current and parts[current[-1]].count("\n") > 1 + parts[current[-1]].count(".It Ic "):
            current = []
        current.append(item.group(1))
        for name in current:
            parts.setdefault(name, "")
    elif line.startswith(".Sh"):
        current = []
    for name in current:
        parts[name] += line + "\n"

for option in doc["options"]:
    head = text.split(".Sh SEEING")[0]
    tap.ok("--" + option["name"] in flags(head), f"global option --{option['name']}")
    if option["letter"]:
        tap.ok("-" + option["letter"] in flags(head), f"global option -{option['letter']}")
for command in doc["commands"]:
    for name in [command["name"], *command["aliases"]]:
        tap.ok(name in parts, f"command {name}")
    part = parts.get(command["name"], "")
    if command["name"] in ("resume", "enable", "disable"):
        part += parts["reload"]  # their only option is told there
    for option in command["options"]:
        tap.ok("--" + option["name"] in flags(part), f"{command['name']} --{option['name']}")
        if option["letter"]:
            tap.ok("-" + option["letter"] in flags(part), f"{command['name']} -{option['letter']}")
known = {c["name"] for c in doc["commands"]} | {a for c in doc["commands"] for a in c["aliases"]}
tap.is_(sorted(set(parts) - known), [], "the page has no command that isn't there")
options = {"--" + o["name"] for c in doc["commands"] + [doc] for o in c["options"]} | {"-" + o["letter"] for c in doc["commands"] + [doc] for o in c["options"] if o["letter"]}
tap.is_(sorted(flags(text) - options), [], "the page has no option that isn't there")
if shutil.which("mandoc"):
    p = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", PAGE], capture_output=True, text=True)
    tap.is_((p.returncode, p.stdout), (0, ""), "mandoc finds no fault")
else:
    print(f"ok {tap.count + 1} - mandoc finds no fault # SKIP no mandoc")
    tap.count += 1
tap.done()
