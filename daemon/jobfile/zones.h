/* The system's zones, read once each, and again when their files change.  Opens files: not pure.
 *
 * A struct tz never changes.  Where a file does, its name leads to a new value from the next zones_refresh() on; the one of
 * before stays until zones_free(), as jobs, runs and questions in work may hold it (some 14 KiB for each zone whose rules
 * really changed: that happens a few times a year). */
#pragma once
#include "calendar/tz.h"
#include "jobfile/jobfile.h"

struct zones;

/* `dir`: the zone folder (NULL: $TZDIR where it is an absolute path, as in tzset(3), else /usr/share/zoneinfo).  0 or
 * -ENOMEM. */
int zones_new(const char *dir, struct zones **ret);
struct zones *zones_free(struct zones *z);
DEFINE_CLEANUP(struct zones *, zones_free);

/* For tests: another file than /etc/localtime.  Before zones_local(); borrowed. */
void zones_set_localtime(struct zones *z, const char *path);

/* NULL: no such zone (names are [A-Za-z0-9_+/-], never leave the folder; opened beneath it). */
const struct tz *zones_find(struct zones *z, const char *name);

/* The machine's local zone: /etc/localtime's (its IANA name from the link, or /etc/timezone), UTC if there is none. */
const struct tz *zones_local(struct zones *z);

/* Looks whether files of the zones that were asked for, or the local zone, are others now, and reads those.  Returns how many
 * zones have new rules (or a new name), -ENOMEM.  One stat a zone where nothing changed. */
int zones_refresh(struct zones *z);

/* From now on changes are told: returns a descriptor to poll for reading (owned by z), or a negative errno (then nothing but
 * asking zones_refresh() now and then helps).  What a symlink leads to in another folder is not seen. */
int zones_watch(struct zones *z);
/* It is readable.  True: something happened that zones_refresh() should look at, when it has calmed down. */
bool zones_watch_read(struct zones *z);

/* For jobfile_options. */
struct zone_source zones_source(struct zones *z, const struct tz *local);
