RUNNER_HARNESS = tests/unit/runner/harness.c tests/unit/runner/harness.h
RUNNER_TEST_LIBS = librunner.a libengine.a libcalendar.a libproto.a libbase.a $(EV_LIBS)
RUNNER_TESTS = tests/unit/runner/test-attempt tests/unit/runner/test-own-user tests/unit/runner/test-output \
	tests/unit/runner/test-stop tests/unit/runner/test-adopt tests/unit/runner/test-void tests/unit/runner/test-death tests/unit/runner/test-inject tests/unit/runner/test-pool tests/unit/runner/test-usercache

check_PROGRAMS += $(RUNNER_TESTS)
TESTS += $(RUNNER_TESTS)
tests_unit_runner_test_attempt_SOURCES = tests/unit/runner/test-attempt.c $(RUNNER_HARNESS)
tests_unit_runner_test_attempt_LDADD = $(RUNNER_TEST_LIBS)
tests_unit_runner_test_own_user_SOURCES = tests/unit/runner/test-own-user.c $(RUNNER_HARNESS)
tests_unit_runner_test_own_user_LDADD = $(RUNNER_TEST_LIBS)
tests_unit_runner_test_output_SOURCES = tests/unit/runner/test-output.c $(RUNNER_HARNESS)
tests_unit_runner_test_output_LDADD = $(RUNNER_TEST_LIBS)
tests_unit_runner_test_stop_SOURCES = tests/unit/runner/test-stop.c $(RUNNER_HARNESS)
tests_unit_runner_test_stop_LDADD = $(RUNNER_TEST_LIBS)
tests_unit_runner_test_adopt_SOURCES = tests/unit/runner/test-adopt.c $(RUNNER_HARNESS)
tests_unit_runner_test_adopt_LDADD = $(RUNNER_TEST_LIBS)
tests_unit_runner_test_void_SOURCES = tests/unit/runner/test-void.c $(RUNNER_HARNESS)
tests_unit_runner_test_void_LDADD = $(RUNNER_TEST_LIBS)
tests_unit_runner_test_death_SOURCES = tests/unit/runner/test-death.c $(RUNNER_HARNESS)
tests_unit_runner_test_death_LDADD = $(RUNNER_TEST_LIBS)
tests_unit_runner_test_inject_SOURCES = tests/unit/runner/test-inject.c $(RUNNER_HARNESS)
tests_unit_runner_test_inject_LDADD = $(RUNNER_TEST_LIBS)
tests_unit_runner_test_pool_SOURCES = tests/unit/runner/test-pool.c $(RUNNER_HARNESS)
tests_unit_runner_test_pool_LDADD = $(RUNNER_TEST_LIBS)
tests_unit_runner_test_usercache_SOURCES = tests/unit/runner/test-usercache.c daemon/runner/usercache.c daemon/runner/identity.c
tests_unit_runner_test_usercache_LDADD = libbase.a
