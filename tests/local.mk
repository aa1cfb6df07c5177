# Tests: each suite runs alone too; see CONTRIBUTING.
include tests/unit/local.mk
include tests/sim/local.mk
include tests/bats/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/vm/local.mk
EXTRA_DIST += tests/lib/tap.h tests/lib/bats-tap
# A job for tests that shows what a job is given, or misbehaves.
check_PROGRAMS += tests/lib/probe
tests_lib_probe_SOURCES = tests/lib/probe.c
