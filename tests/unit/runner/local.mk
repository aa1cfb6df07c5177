RUNNER_HARNESS = tests/unit/runner/harness.c tests/unit/runner/harness.h
RUNNER_TEST_LIBS = librunner.a libengine.a libcalendar.a libproto.a libbase.a $(EV_LIBS)

check_PROGRAMS += tests/unit/runner/test-attempt
TESTS += tests/unit/runner/test-attempt
tests_unit_runner_test_attempt_SOURCES = tests/unit/runner/test-attempt.c $(RUNNER_HARNESS)
tests_unit_runner_test_attempt_LDADD = $(RUNNER_TEST_LIBS)
