/* iCalendar files (RFC 5545) -> sets of days.  Rules of recurrence are followed by libical, which is loaded when the
 * first file with one is read and let go after it: it brings ICU with it, and neither the daemon nor jobctl's start
 * should bear that.  Otherwise pure: bytes in, days out; no file is opened here (jobfile/calendars.h does that).
 *
 * A day belongs to the set if an event touches it: all-day events from DTSTART to before DTEND, timed ones on the days
 * of the clock that they are written in, those in UTC on the days of `zone`.  RRULE, RDATE and EXDATE count, and so do
 * exceptions (RECURRENCE-ID); cancelled events do not.  From 1970 to 2099: what is before or behind is left out. */
#pragma once
#include "calendar/days.h"
#include "calendar/tz.h"
#include "jobfile/jobfile.h"

#define ICS_SIZE_MAX   (1u << 20)
#define ICS_EVENTS_MAX 10000
#define ICS_DAYS_MAX   200000 /* of all events together, an event that lasts counts once */

/* 0; -EINVAL: *errors says where and what (it is added to); -ENOMEM.  *ret is a reference for the caller. */
int ics_parse(const char *text, size_t size, const struct tz *zone, struct diagnostics *errors, struct dayset **ret);
