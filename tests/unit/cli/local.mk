# jobctl: its pieces, and the program itself where no daemon is needed or a fake one will do.
if HAVE_PYTHON3
TESTS += tests/unit/cli/test-explain.py
endif
EXTRA_DIST += tests/lib/tap.py tests/unit/cli/test-explain.py
