# Unit tests of daemon/calendar.
CALENDAR_TESTS = tests/unit/calendar/test-conformance
check_PROGRAMS += $(CALENDAR_TESTS)
TESTS += $(CALENDAR_TESTS)
CALENDAR_LIBS = libcalendar.a libbase.a

tests_unit_calendar_test_conformance_SOURCES = tests/unit/calendar/test-conformance.c tests/unit/calendar/zone.h
tests_unit_calendar_test_conformance_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_calendar_test_conformance_LDADD = $(CALENDAR_LIBS) $(JANSSON_LIBS)
EXTRA_DIST += tests/data/schedules/README.md tests/data/schedules/normative.jsonl
