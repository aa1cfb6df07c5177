"""Test Anything Protocol for tests in Python: ok(), is_(), skip_all(), done()."""
import sys

count = 0
failures = 0


def diag(text):
    for line in str(text).splitlines() or [""]:
        print("# " + line)


def ok(good, name):
    global count, failures
    count += 1
    print(f"{'' if good else 'not '}ok {count} - {name}", flush=True)
    if not good:
        failures += 1
    return bool(good)


def is_(got, want, name):
    if not ok(got == want, name):
        diag(f"got    {got!r}")
        diag(f"wanted {want!r}")
        return False
    return True


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def done():
    print(f"1..{count}")
    sys.exit(1 if failures else 0)
