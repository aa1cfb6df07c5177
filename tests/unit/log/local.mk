check_PROGRAMS += tests/unit/log/test-escape
TESTS += tests/unit/log/test-escape
tests_unit_log_test_escape_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_log_test_escape_LDADD = libbase.a
