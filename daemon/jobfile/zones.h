/* The system's zones, read once each and kept for the life of the process.  Opens files: not pure. */
#pragma once
#include "calendar/tz.h"
#include "jobfile/jobfile.h"

struct zones;

/* `dir`: the zone folder (NULL: $TZDIR is not honoured, /usr/share/zoneinfo).  0 or -ENOMEM. */
int zones_new(const char *dir, struct zones **ret);
struct zones *zones_free(struct zones *z);
DEFINE_CLEANUP(struct zones *, zones_free);

/* NULL: no such zone (names are [A-Za-z0-9_+/-], never leave the folder; opened beneath it). */
const struct tz *zones_find(struct zones *z, const char *name);

/* The machine's local zone: /etc/localtime's (its IANA name from the link, or /etc/timezone), UTC if there is none. */
const struct tz *zones_local(struct zones *z);

/* For jobfile_options. */
struct zone_source zones_source(struct zones *z, const struct tz *local);
