#!/usr/bin/env python3
"""Every job file and configuration that we show to people is one that jobctl check has nothing to say about: the files in etc/, and
what stands in README and the manual pages."""
import glob
import os
import re
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ["top_srcdir"], os.environ["top_builddir"]
sys.path.insert(0, os.path.join(SOURCE, "tests/lib"))
import tap  # noqa: E402

# In these the page shows what not to write, or a form rather than a file.
NOT_FILES = re.compile(r"EXPRESSION|# an alias|^\$ ", re.M)


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
        return f.read()


def shown(path):
    """The displays of a page that are YAML with one of the keys that files begin with."""
    text = read(path)
    if path.endswith(".md"):
        blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
    else:
        blocks = [b.replace("\\e", "\\") for b in re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", text, re.M | re.S)]
    return [b for b in blocks if re.search(r"^(jobs|defaults|keep|timezone):", b, re.M) and not NOT_FILES.search(b)]


def check(name, text, config=False):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "example.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        # With a configuration, its folders are looked at, unless others are named.
        what = ["--config", path, os.path.join(SOURCE, "etc/examples")] if config else [path]
        r = subprocess.run([os.path.join(BUILD, "jobctl"), "check", *what], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           check=False)
    if not tap.ok(r.returncode == 0, name):
        tap.diag(r.stdout.decode())


def main():
    examples = sorted(glob.glob(os.path.join(SOURCE, "etc/examples/*.yaml")))
    tap.ok(len(examples) >= 3, f"there are examples: {len(examples)}")
    for path in examples:
        path = os.path.relpath(path, SOURCE)
        check(path, read(path))
    check("etc/jobschedd.yaml", read("etc/jobschedd.yaml"), True)
    for path, least in (("README.md", 1), ("man/jobs.d.5", 4)):
        blocks = shown(path)
        tap.ok(len(blocks) >= least, f"{path} shows {len(blocks)} job files")
        for i, text in enumerate(blocks):
            check(f"{path}, example {i + 1}", text)
    for i, text in enumerate(shown("man/jobschedd.yaml.5")):
        check(f"man/jobschedd.yaml.5, example {i + 1}", text, True)
    tap.done()


main()
