TESTS += tests/unit/systemd/test-units.sh
if HAVE_PYTHON3
TESTS += tests/unit/systemd/test-notify.py
endif
EXTRA_DIST += tests/unit/systemd/test-units.sh tests/unit/systemd/test-notify.py
