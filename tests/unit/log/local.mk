check_PROGRAMS += tests/unit/log/test-escape tests/unit/log/test-log
TESTS += tests/unit/log/test-escape tests/unit/log/test-log
tests_unit_log_test_escape_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_log_test_escape_LDADD = libbase.a
# test-log includes log.c, to see what it would send to the journal.
tests_unit_log_test_log_CPPFLAGS = $(liblog_a_CPPFLAGS) -I$(top_srcdir)
tests_unit_log_test_log_LDADD = liblog.a libengine.a libcalendar.a libbase.a $(LOG_LIBS)
