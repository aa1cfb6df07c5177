# The simulator.  `make check` runs the seeds of tests/sim/seeds (a virtual year of 300 jobs) and proves by planted bugs that
# it finds what is broken; `make sim SEEDS=1000 [FIRST=1]` goes on to seeds that nobody has seen.
check_PROGRAMS += tests/sim/sim
tests_sim_sim_SOURCES = tests/sim/audit.c tests/sim/chaos.c tests/sim/check.c tests/sim/cover.c tests/sim/gen.c \
	tests/sim/oracle.c tests/sim/sim.c tests/sim/sim.h tests/sim/store.c tests/sim/super.c tests/sim/trace.c \
	tests/sim/world.c tests/sim/zones.c
tests_sim_sim_LDADD = libengine.a libcalendar.a libbase.a
TESTS += tests/sim/test-seeds.sh
EXTRA_DIST += tests/sim/test-seeds.sh tests/sim/seeds tests/sim/many.sh

# Sanitizers cost a factor of five: an eighth of the days keeps the suite short.
if SANITIZED
AM_TESTS_ENVIRONMENT += SIM_DIVIDE=8; export SIM_DIVIDE;
endif

SEEDS = 1000
FIRST = 1
sim: tests/sim/sim$(EXEEXT)
	$(SHELL) $(srcdir)/tests/sim/many.sh tests/sim/sim$(EXEEXT) $(FIRST) $(SEEDS)
.PHONY: sim
