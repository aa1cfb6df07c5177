# Fuzz targets: fuzz-NAME.c, NAME.dict, corpus/NAME/*.  With --enable-fuzzing (CC=clang) they are libFuzzer programs; without,
# main.c drives them with their corpus and small changes of it, as tests.  A new target is a name in this list and its sources.
fuzz_targets = \
	tests/fuzz/fuzz-calendar \
	tests/fuzz/fuzz-config \
	tests/fuzz/fuzz-ics \
	tests/fuzz/fuzz-jobfile \
	tests/fuzz/fuzz-jsonrpc \
	tests/fuzz/fuzz-record \
	tests/fuzz/fuzz-runnermsg \
	tests/fuzz/fuzz-timeparse \
	tests/fuzz/fuzz-tzif

check_PROGRAMS += $(fuzz_targets)
fuzz_driver = tests/fuzz/fuzz.h
if !FUZZING
fuzz_driver += tests/fuzz/main.c
TESTS += $(fuzz_targets)
endif
fuzz_ldflags = $(AM_LDFLAGS) $(JS_FUZZ_LDFLAGS)

tests_fuzz_fuzz_calendar_SOURCES = tests/fuzz/fuzz-calendar.c tests/unit/calendar/zone.h $(fuzz_driver)
tests_fuzz_fuzz_calendar_LDADD = libcalendar.a libbase.a
tests_fuzz_fuzz_calendar_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz-config.c $(fuzz_driver)
tests_fuzz_fuzz_config_LDADD = $(JOBFILE_LIBS)
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_ics_SOURCES = tests/fuzz/fuzz-ics.c $(fuzz_driver)
tests_fuzz_fuzz_ics_LDADD = $(JOBFILE_LIBS)
tests_fuzz_fuzz_ics_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_jobfile_SOURCES = tests/fuzz/fuzz-jobfile.c $(fuzz_driver)
tests_fuzz_fuzz_jobfile_LDADD = $(JOBFILE_LIBS)
tests_fuzz_fuzz_jobfile_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_jsonrpc_SOURCES = tests/fuzz/fuzz-jsonrpc.c $(CONTROL_HARNESS) $(fuzz_driver)
tests_fuzz_fuzz_jsonrpc_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_jsonrpc_LDADD = $(CONTROL_LIBS)
tests_fuzz_fuzz_jsonrpc_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_record_SOURCES = tests/fuzz/fuzz-record.c $(fuzz_driver)
tests_fuzz_fuzz_record_LDADD = libproto.a libbase.a
tests_fuzz_fuzz_record_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_runnermsg_SOURCES = tests/fuzz/fuzz-runnermsg.c $(fuzz_driver)
tests_fuzz_fuzz_runnermsg_LDADD = libproto.a libbase.a
tests_fuzz_fuzz_runnermsg_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_timeparse_SOURCES = tests/fuzz/fuzz-timeparse.c tests/unit/calendar/zone.h $(fuzz_driver)
tests_fuzz_fuzz_timeparse_LDADD = libcalendar.a libbase.a
tests_fuzz_fuzz_timeparse_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_tzif_SOURCES = tests/fuzz/fuzz-tzif.c $(fuzz_driver)
tests_fuzz_fuzz_tzif_LDADD = libcalendar.a libbase.a
tests_fuzz_fuzz_tzif_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += tests/fuzz/corpus tests/fuzz/calendar.dict tests/fuzz/config.dict tests/fuzz/ics.dict tests/fuzz/jobfile.dict tests/fuzz/jsonrpc.dict \
	tests/fuzz/record.dict tests/fuzz/runnermsg.dict tests/fuzz/timeparse.dict tests/fuzz/tzif.dict

# A short run of each target: by libFuzzer for FUZZ_SECONDS, or by the plain driver with many more changes.  A daemon that lives on
# from input to input looks like a leak, for which all its memory would be searched after each: it is searched once, at the end.
FUZZ_SECONDS = 30
fuzz-smoke: $(fuzz_targets)
	@for target in $(fuzz_targets); do \
		name=$${target##*/fuzz-}; echo "== $$name"; \
		leaks=1; test $$name != jsonrpc || leaks=0; \
		if test -n "$(JS_FUZZ_LDFLAGS)"; then \
			found=`mktemp -d` && ./$$target -detect_leaks=$$leaks -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1 \
				-dict=$(srcdir)/tests/fuzz/$$name.dict $$found $(srcdir)/tests/fuzz/corpus/$$name || exit 1; \
			rm -rf $$found; \
		else \
			top_srcdir=$(srcdir) FUZZ_ROUNDS=20000 ./$$target || exit 1; \
		fi; \
	done
.PHONY: fuzz-smoke
