# Job files and configuration: YAML to values, and the folders they come from.
noinst_LIBRARIES += libjobfile.a
libjobfile_a_CPPFLAGS = $(AM_CPPFLAGS) $(YAML_CFLAGS) $(MD_CFLAGS) $(ICAL_CFLAGS)
libjobfile_a_SOURCES = daemon/jobfile/arena.c daemon/jobfile/arena.h daemon/jobfile/buf.c daemon/jobfile/buf.h \
	daemon/jobfile/calendars.c daemon/jobfile/calendars.h daemon/jobfile/ics.c daemon/jobfile/ics.h \
	daemon/jobfile/check.c daemon/jobfile/check.h daemon/jobfile/config.c daemon/jobfile/config.h \
	daemon/jobfile/diag.c daemon/jobfile/diag.h \
	daemon/jobfile/draft.c daemon/jobfile/draft.h daemon/jobfile/exclude.c \
	daemon/jobfile/folder.c daemon/jobfile/folder.h daemon/jobfile/folder_file.c daemon/jobfile/folder_scan.c \
	daemon/jobfile/folder_state.h daemon/jobfile/folder_watch.c daemon/jobfile/jobfile.c daemon/jobfile/jobfile.h daemon/jobfile/judge.c \
	daemon/jobfile/keys.c daemon/jobfile/keys.h daemon/jobfile/machine.c daemon/jobfile/machine.h daemon/jobfile/pack.c daemon/jobfile/prescan.c daemon/jobfile/prescan.h \
	daemon/jobfile/print.c daemon/jobfile/reading.c daemon/jobfile/reading.h daemon/jobfile/schema.c daemon/jobfile/schema.h \
	daemon/jobfile/sha256.c daemon/jobfile/sha256.h daemon/jobfile/syntax.c daemon/jobfile/syntax.h \
	daemon/jobfile/table.c daemon/jobfile/table.h \
	daemon/jobfile/tree.c daemon/jobfile/tree.h daemon/jobfile/trusted.c daemon/jobfile/trusted.h daemon/jobfile/value.c \
	daemon/jobfile/zones.c daemon/jobfile/zones.h \
	daemon/tbl/config_keys.h daemon/tbl/job_keys.h
