# The simulator.  `make check` runs the seeds of tests/sim/seeds (a virtual year of 300 jobs) and proves by planted bugs that
# it finds what is broken; `make sim SEEDS=1000 [FIRST=1]` goes on to seeds that nobody has seen.
check_PROGRAMS += tests/sim/sim
tests_sim_sim_SOURCES = tests/sim/acts.c tests/sim/after.c tests/sim/audit.c tests/sim/chaos.c tests/sim/check.c tests/sim/cover.c tests/sim/gen.c \
	tests/sim/oracle.c tests/sim/sim.c tests/sim/sim.h tests/sim/store.c tests/sim/super.c tests/sim/trace.c \
	tests/sim/world.c tests/sim/zones.c
tests_sim_sim_LDADD = libengine.a libcalendar.a libbase.a
TESTS += tests/sim/test-planted.sh tests/sim/test-seeds.sh
EXTRA_DIST += tests/sim/test-planted.sh tests/sim/test-seeds.sh tests/sim/seeds tests/sim/many.sh $(planted)
# Bugs on purpose, each a patch of one file; a new invariant comes with its bug.
planted = \
	tests/sim/planted/after-forgotten.patch \
	tests/sim/planted/after-multiplied.patch \
	tests/sim/planted/after-not-last.patch \
	tests/sim/planted/move-twice.patch \
	tests/sim/planted/excluded-runs.patch \
	tests/sim/planted/excluded-caught-up.patch \
	tests/sim/planted/calendar-repeats.patch \
	tests/sim/planted/any-exit-good.patch \
	tests/sim/planted/backfill-accounts.patch \
	tests/sim/planted/backfill-overlaps.patch \
	tests/sim/planted/backfill-passed.patch \
	tests/sim/planted/cancelled-retried.patch \
	tests/sim/planted/catch-up-lost.patch \
	tests/sim/planted/catch-up-oldest.patch \
	tests/sim/planted/chain-overlaps.patch \
	tests/sim/planted/concurrency-ignored.patch \
	tests/sim/planted/daylight-saving.patch \
	tests/sim/planted/definition-lost.patch \
	tests/sim/planted/degraded-spins.patch \
	tests/sim/planted/degraded-takes-up.patch \
	tests/sim/planted/dst-skip-gap-count.patch \
	tests/sim/planted/dst-skip-second-pass.patch \
	tests/sim/planted/epoch-stays.patch \
	tests/sim/planted/fixed-repeats.patch \
	tests/sim/planted/forbid-ignored.patch \
	tests/sim/planted/forget-early.patch \
	tests/sim/planted/forward-loses.patch \
	tests/sim/planted/hold-forgotten.patch \
	tests/sim/planted/jitter-anew.patch \
	tests/sim/planted/jitter-moves-instant.patch \
	tests/sim/planted/jitter-unjudged.patch \
	tests/sim/planted/max-starting.patch \
	tests/sim/planted/old-offset.patch \
	tests/sim/planted/pause-ignored.patch \
	tests/sim/planted/range-count.patch \
	tests/sim/planted/reboot-twice.patch \
	tests/sim/planted/reload-hole.patch \
	tests/sim/planted/removed-starts.patch \
	tests/sim/planted/repeated-hour-twice.patch \
	tests/sim/planted/reply-early.patch \
	tests/sim/planted/retry-delay.patch \
	tests/sim/planted/retry-never-armed.patch \
	tests/sim/planted/shutdown-starts.patch \
	tests/sim/planted/small-step-repeats.patch \
	tests/sim/planted/stale-answer.patch \
	tests/sim/planted/start-before-durable.patch \
	tests/sim/planted/start-number.patch \
	tests/sim/planted/stop-lost.patch \
	tests/sim/planted/suspend-loses.patch \
	tests/sim/planted/timeout-not-given.patch \
	tests/sim/planted/watermark-not-stored.patch \
	tests/sim/planted/zone-unseen.patch

AM_TESTS_ENVIRONMENT += CC='$(CC)'; export CC;

# Sanitizers cost a factor of five: an eighth of the days keeps the suite short.
if SANITIZED
AM_TESTS_ENVIRONMENT += SIM_DIVIDE=8; export SIM_DIVIDE;
endif

SEEDS = 1000
FIRST = 1
sim: tests/sim/sim$(EXEEXT)
	$(SHELL) $(srcdir)/tests/sim/many.sh tests/sim/sim$(EXEEXT) $(FIRST) $(SEEDS)
.PHONY: sim
