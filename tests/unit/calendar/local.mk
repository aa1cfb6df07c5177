# Unit tests of daemon/calendar, and the helpers of those that ask another implementation (Python's zoneinfo).
calendar_tests = \
	tests/unit/calendar/test-conformance \
	tests/unit/calendar/test-days \
	tests/unit/calendar/test-draw \
	tests/unit/calendar/test-expressions \
	tests/unit/calendar/test-fires \
	tests/unit/calendar/test-schedule \
	tests/unit/calendar/test-timeparse \
	tests/unit/calendar/test-tz
check_PROGRAMS += $(calendar_tests) tests/unit/calendar/firedump tests/unit/calendar/zonedump
TESTS += $(calendar_tests)
calendar_libs = libcalendar.a libbase.a

tests_unit_calendar_test_conformance_SOURCES = tests/unit/calendar/test-conformance.c tests/unit/calendar/zone.h
tests_unit_calendar_test_conformance_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_calendar_test_conformance_LDADD = $(calendar_libs) $(JANSSON_LIBS)
tests_unit_calendar_test_days_SOURCES = tests/unit/calendar/test-days.c tests/unit/calendar/zone.h
tests_unit_calendar_test_days_LDADD = $(calendar_libs)
tests_unit_calendar_test_draw_SOURCES = tests/unit/calendar/test-draw.c
tests_unit_calendar_test_draw_LDADD = $(calendar_libs)
tests_unit_calendar_test_expressions_SOURCES = tests/unit/calendar/test-expressions.c tests/unit/calendar/zone.h
tests_unit_calendar_test_expressions_LDADD = $(calendar_libs)
tests_unit_calendar_test_fires_SOURCES = tests/unit/calendar/test-fires.c tests/unit/calendar/zone.h
tests_unit_calendar_test_fires_LDADD = $(calendar_libs)
tests_unit_calendar_test_schedule_SOURCES = tests/unit/calendar/test-schedule.c tests/unit/calendar/zone.h
tests_unit_calendar_test_schedule_LDADD = $(calendar_libs)
tests_unit_calendar_test_timeparse_SOURCES = tests/unit/calendar/test-timeparse.c tests/unit/calendar/zone.h
tests_unit_calendar_test_timeparse_LDADD = $(calendar_libs)
tests_unit_calendar_test_tz_SOURCES = tests/unit/calendar/test-tz.c tests/unit/calendar/zone.h
tests_unit_calendar_test_tz_LDADD = $(calendar_libs)
tests_unit_calendar_firedump_SOURCES = tests/unit/calendar/firedump.c tests/unit/calendar/zone.h
tests_unit_calendar_firedump_LDADD = $(calendar_libs)
tests_unit_calendar_zonedump_SOURCES = tests/unit/calendar/zonedump.c tests/unit/calendar/zone.h
tests_unit_calendar_zonedump_LDADD = $(calendar_libs)

calendar_python_tests = tests/unit/calendar/test-next.py tests/unit/calendar/test-zones.py
if HAVE_PYTHON3
TESTS += $(calendar_python_tests)
else
TESTS += tests/unit/calendar/test-no-python3.sh
endif
TESTS += tests/unit/calendar/test-pure.sh
EXTRA_DIST += tests/unit/calendar/test-pure.sh $(calendar_python_tests) tests/unit/calendar/test-no-python3.sh \
	tests/data/schedules/README.md tests/data/schedules/normative.jsonl \
	tests/data/schedules/other-dialects.jsonl

# Every zone of the system, 1970 to 2400: ten to twenty minutes.
check-zones: tests/unit/calendar/zonedump$(EXEEXT) tests/unit/calendar/firedump$(EXEEXT)
	$(AM_TESTS_ENVIRONMENT) $(PYTHON3) $(srcdir)/tests/unit/calendar/test-zones.py --all
	$(AM_TESTS_ENVIRONMENT) $(PYTHON3) $(srcdir)/tests/unit/calendar/test-next.py --all
.PHONY: check-zones
