noinst_LIBRARIES += libcontrol.a
libcontrol_a_SOURCES = daemon/control/call.c daemon/control/cmd_act.c daemon/control/cmd_backfill.c daemon/control/cmd_definitions.c daemon/control/cmd_job.c daemon/control/cmd_logs.c \
	daemon/control/cmd_next.c daemon/control/cmd_run.c daemon/control/cmd_status.c daemon/control/cmd_wait.c \
	daemon/control/cmd_why.c daemon/control/conn.c daemon/control/control.c daemon/control/control.h \
	daemon/control/logfile.c daemon/control/logfile.h daemon/control/peer.c daemon/control/print.c \
	daemon/control/private.h daemon/control/rpc.c daemon/control/say.c daemon/control/say.h daemon/control/scan.c \
	daemon/control/socket.c
libcontrol_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
