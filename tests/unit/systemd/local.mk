TESTS += tests/unit/systemd/test-units.sh
EXTRA_DIST += tests/unit/systemd/test-units.sh
