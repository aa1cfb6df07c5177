# Schedules and time zones: pure.
noinst_LIBRARIES += libcalendar.a
libcalendar_a_SOURCES = \
	daemon/calendar/calendar.h daemon/calendar/civil.h daemon/calendar/count.c daemon/calendar/count.h \
	daemon/calendar/days.c daemon/calendar/days.h daemon/calendar/describe.c \
	daemon/calendar/element.c daemon/calendar/fields.h daemon/calendar/match.h daemon/calendar/moments.c daemon/calendar/moments.h \
	daemon/calendar/next.c daemon/calendar/odd.c \
	daemon/calendar/parse.c daemon/calendar/parser.h daemon/calendar/posixtz.c daemon/calendar/posixtz.h daemon/calendar/print.c \
	daemon/calendar/scan.c daemon/calendar/scan.h daemon/calendar/schedule.c daemon/calendar/schedule.h \
	daemon/calendar/text.h daemon/calendar/timeparse.c daemon/calendar/timeparse.h daemon/calendar/timeword.c \
	daemon/calendar/tz.c daemon/calendar/tz.h
