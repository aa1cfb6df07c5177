# The store's tests: a library of what they share, which can also make the database fail or lose power.
noinst_LIBRARIES += libteststore.a
libteststore_a_SOURCES = tests/unit/store/store-lib.c tests/unit/store/store-lib.h tests/unit/store/fault-vfs.c \
	tests/unit/store/fault-vfs.h
libteststore_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)

STORE_TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(SQLITE_CFLAGS)
STORE_TEST_LIBS = libteststore.a libstore.a libengine.a libbase.a $(SQLITE_LIBS) $(PTHREAD_LIBS)
STORE_TESTS = tests/unit/store/test-prune tests/unit/store/test-query tests/unit/store/test-open tests/unit/store/test-rows tests/unit/store/test-faults tests/unit/store/test-power
check_PROGRAMS += $(STORE_TESTS) tests/unit/store/bench-store
TESTS += $(STORE_TESTS)

tests_unit_store_test_rows_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_store_test_rows_LDADD = $(STORE_TEST_LIBS)
tests_unit_store_bench_store_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_store_bench_store_LDADD = $(STORE_TEST_LIBS)
tests_unit_store_test_faults_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_store_test_faults_LDADD = $(STORE_TEST_LIBS)
tests_unit_store_test_power_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_store_test_power_LDADD = $(STORE_TEST_LIBS)
tests_unit_store_test_open_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_store_test_open_LDADD = $(STORE_TEST_LIBS)
tests_unit_store_test_query_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_store_test_query_LDADD = $(STORE_TEST_LIBS)
tests_unit_store_test_prune_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_store_test_prune_LDADD = $(STORE_TEST_LIBS)
