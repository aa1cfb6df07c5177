# Suites with a real daemon below a folder of its own.  Each bats file, and each longer test in Python, runs alone too:
#	top_srcdir=... top_builddir=... bats tests/bats/runs.bats
bats_suites = \
	tests/bats/backfill.bats \
	tests/bats/calendars.bats \
	tests/bats/daemon.bats \
	tests/bats/files.bats \
	tests/bats/jobctl-act.bats \
	tests/bats/jobctl-see.bats \
	tests/bats/plan.bats \
	tests/bats/runs.bats
if HAVE_BATS
TESTS += $(bats_suites)
endif
if HAVE_PYTHON3
TESTS += tests/bats/clock.py tests/bats/control.py tests/bats/crashloop.py tests/bats/survive.py
endif
EXTRA_DIST += $(bats_suites) tests/data/calendars/de-2026.ics tests/bats/clock.py tests/lib/clockstory.py tests/bats/control.py tests/lib/rpc.py tests/bats/crashloop.py tests/bats/survive.py tests/lib/common.bash tests/lib/sched.py

# The long forms: a thousand kills, a thousand runs alive.
.PHONY: check-crash check-survive
check-crash: all tests/lib/probe
	$(AM_TESTS_ENVIRONMENT) CRASH_ROUNDS=$${CRASH_ROUNDS-1000} $(PYTHON3) $(top_srcdir)/tests/bats/crashloop.py
check-survive: all
	$(AM_TESTS_ENVIRONMENT) SURVIVE_RUNS=$${SURVIVE_RUNS-1000} $(PYTHON3) $(top_srcdir)/tests/bats/survive.py
