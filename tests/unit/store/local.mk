# The store's tests: a library of what they share, which can also make the database fail or lose power.
noinst_LIBRARIES += libteststore.a
libteststore_a_SOURCES = tests/unit/store/store-lib.c tests/unit/store/store-lib.h
libteststore_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)

STORE_TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(SQLITE_CFLAGS)
STORE_TEST_LIBS = libteststore.a libstore.a libengine.a libbase.a $(SQLITE_LIBS) $(PTHREAD_LIBS)
STORE_TESTS = tests/unit/store/test-rows
check_PROGRAMS += $(STORE_TESTS) tests/unit/store/bench-store
TESTS += $(STORE_TESTS)

tests_unit_store_test_rows_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_store_test_rows_LDADD = $(STORE_TEST_LIBS)
tests_unit_store_bench_store_CPPFLAGS = $(STORE_TEST_CPPFLAGS)
tests_unit_store_bench_store_LDADD = $(STORE_TEST_LIBS)
