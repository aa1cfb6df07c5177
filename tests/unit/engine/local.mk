# Stories of the engine, one rule at a time (the simulator in tests/sim has them all at once), and what it may depend on.
engine_tests = \
	tests/unit/engine/test-after \
	tests/unit/engine/test-backfill \
	tests/unit/engine/test-catch-up \
	tests/unit/engine/test-clock \
	tests/unit/engine/test-commands \
	tests/unit/engine/test-concurrency \
	tests/unit/engine/test-days \
	tests/unit/engine/test-instants \
	tests/unit/engine/test-jitter \
	tests/unit/engine/test-lives \
	tests/unit/engine/test-reload \
	tests/unit/engine/test-retry
check_PROGRAMS += $(engine_tests)
TESTS += $(engine_tests) tests/unit/engine/test-includes.sh tests/unit/engine/test-purity.sh
EXTRA_DIST += tests/unit/engine/test-includes.sh tests/unit/engine/test-purity.sh
engine_libs = libengine.a libcalendar.a libbase.a

tests_unit_engine_test_after_SOURCES = tests/unit/engine/test-after.c tests/unit/engine/story.h
tests_unit_engine_test_after_LDADD = $(engine_libs)
tests_unit_engine_test_backfill_SOURCES = tests/unit/engine/test-backfill.c tests/unit/engine/story.h
tests_unit_engine_test_backfill_LDADD = $(engine_libs)
tests_unit_engine_test_catch_up_SOURCES = tests/unit/engine/test-catch-up.c tests/unit/engine/story.h
tests_unit_engine_test_catch_up_LDADD = $(engine_libs)
tests_unit_engine_test_clock_SOURCES = tests/unit/engine/test-clock.c tests/unit/engine/story.h
tests_unit_engine_test_clock_LDADD = $(engine_libs)
tests_unit_engine_test_commands_SOURCES = tests/unit/engine/test-commands.c tests/unit/engine/story.h
tests_unit_engine_test_commands_LDADD = $(engine_libs)
tests_unit_engine_test_concurrency_SOURCES = tests/unit/engine/test-concurrency.c tests/unit/engine/story.h
tests_unit_engine_test_concurrency_LDADD = $(engine_libs)
tests_unit_engine_test_days_SOURCES = tests/unit/engine/test-days.c tests/unit/engine/story.h
tests_unit_engine_test_days_LDADD = $(engine_libs)
tests_unit_engine_test_instants_SOURCES = tests/unit/engine/test-instants.c tests/unit/engine/story.h
tests_unit_engine_test_instants_LDADD = $(engine_libs)
tests_unit_engine_test_jitter_SOURCES = tests/unit/engine/test-jitter.c tests/unit/engine/story.h
tests_unit_engine_test_jitter_LDADD = $(engine_libs)
tests_unit_engine_test_lives_SOURCES = tests/unit/engine/test-lives.c tests/unit/engine/story.h
tests_unit_engine_test_lives_LDADD = $(engine_libs)
tests_unit_engine_test_reload_SOURCES = tests/unit/engine/test-reload.c tests/unit/engine/story.h
tests_unit_engine_test_reload_LDADD = $(engine_libs)
tests_unit_engine_test_retry_SOURCES = tests/unit/engine/test-retry.c tests/unit/engine/story.h
tests_unit_engine_test_retry_LDADD = $(engine_libs)
