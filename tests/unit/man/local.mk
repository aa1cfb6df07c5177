TESTS += tests/unit/man/test-man.sh
EXTRA_DIST += tests/unit/man/test-man.sh
