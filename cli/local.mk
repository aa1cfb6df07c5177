# jobctl: everything shared by its tests is in a library, main.c alone is the program.
noinst_LIBRARIES += libcli.a
libcli_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(SMARTCOLS_CFLAGS)
libcli_a_SOURCES = cli/cli.c cli/cli.h cli/client.c cli/client.h cli/cmd_backfill.c cli/cmd_check.c cli/cmd_explain.c cli/cmd_help.c cli/cmd_jobs.c \
	cli/cmd_list.c cli/cmd_logs.c cli/cmd_plan.c cli/cmd_reload.c cli/cmd_run.c cli/cmd_schema.c cli/cmd_show.c cli/cmd_simulate.c cli/cmd_status.c cli/commands.c \
	cli/files.c cli/files.h cli/follow.c cli/follow.h cli/grid.c cli/listing.c cli/listing.h cli/options.c cli/places.c cli/print.c \
	cli/print.h cli/simulate.c cli/simulate.h cli/text.c cli/text.h

bin_PROGRAMS += jobctl
jobctl_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
jobctl_SOURCES = cli/main.c
CLI_LIBS = libcli.a libjobfile.a libengine.a libcalendar.a libproto.a libbase.a $(SMARTCOLS_LIBS) $(JANSSON_LIBS) $(YAML_LIBS) $(MD_LIBS)
jobctl_LDADD = $(CLI_LIBS)
