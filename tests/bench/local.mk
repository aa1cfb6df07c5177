# Benches: `make bench` builds them, runs them all, and prints each measure beside its reference of the same run.
# One alone, or quickly: tests/bench/run BUILDDIR [--quick] [NAME...].
bench_targets = bench-nextfire bench-worstfire bench-spawn bench-late bench-stamp bench-tiny bench-engine bench-yamlfiles bench-runner bench-instants
EXTRA_PROGRAMS += $(bench_targets)
EXTRA_DIST += tests/bench/exprs.txt tests/bench/peer.cjs tests/bench/peer.go tests/bench/run
CLEANFILES += $(bench_targets)

bench_nextfire_SOURCES = tests/bench/nextfire.c
bench_nextfire_LDADD = libcalendar.a libbase.a
bench_instants_SOURCES = tests/bench/instants.c
bench_instants_LDADD = libcalendar.a libbase.a
bench_worstfire_SOURCES = tests/bench/worstfire.c tests/unit/calendar/zone.h
bench_worstfire_LDADD = libcalendar.a libbase.a
bench_spawn_SOURCES = tests/bench/spawn.c tests/bench/bench.h
bench_late_SOURCES = tests/bench/late.c tests/bench/bench.h
bench_stamp_SOURCES = tests/bench/stamp.c tests/bench/bench.h
bench_tiny_SOURCES = tests/bench/tiny.c
bench_runner_SOURCES = tests/bench/runnerbench.c
bench_runner_LDADD = librunner.a libengine.a libcalendar.a libproto.a libbase.a $(EV_LIBS)
bench_engine_SOURCES = tests/bench/enginebench.c
bench_engine_LDADD = libengine.a libcalendar.a libbase.a
bench_yamlfiles_SOURCES = tests/bench/yamlfiles.c tests/bench/bench.h
bench_yamlfiles_CPPFLAGS = $(AM_CPPFLAGS) $(YAML_CFLAGS)
bench_yamlfiles_LDADD = $(YAML_LIBS)

# Everything that `make bench` needs.
bench-programs: $(bench_targets) $(bin_PROGRAMS) $(sbin_PROGRAMS) $(pkglibexec_PROGRAMS)

bench: bench-programs
	$(PYTHON3) $(srcdir)/tests/bench/run $(abs_top_builddir) $(BENCHFLAGS)

.PHONY: bench bench-programs
