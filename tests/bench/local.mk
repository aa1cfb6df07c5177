# Benches: built with `make bench-programs`, run with `make bench`; each prints its ratio to a reference of the same run.
bench_targets = bench-nextfire
EXTRA_PROGRAMS += $(bench_targets)
EXTRA_DIST += tests/bench/exprs.txt
CLEANFILES += $(bench_targets)

bench_nextfire_SOURCES = tests/bench/nextfire.c
bench_nextfire_LDADD = libcalendar.a libbase.a

# Everything that `make bench` needs.
bench-programs: $(bench_targets)

bench-nextfire-run: bench-nextfire$(EXEEXT)
	./bench-nextfire$(EXEEXT) $(srcdir)/tests/bench/exprs.txt

.PHONY: bench-programs bench-nextfire-run
