noinst_LIBRARIES += librunner.a
librunner_a_SOURCES = daemon/runner/client.c daemon/runner/client.h daemon/runner/client_internal.h daemon/runner/judge.c \
	daemon/runner/compose.c daemon/runner/recordio.c daemon/runner/recordio.h

# libc alone: what starts jobs as root is to be read in an afternoon.
pkglibexec_PROGRAMS += jobsched-runner
jobsched_runner_SOURCES = daemon/runner/main.c daemon/runner/runner.h daemon/runner/requests.c daemon/runner/reap.c \
	daemon/runner/pool.c daemon/runner/supervisor.c daemon/runner/setup.c daemon/runner/setup.h \
	daemon/runner/command.c daemon/runner/command.h daemon/runner/identity.c daemon/runner/identity.h \
	daemon/runner/environment.c daemon/runner/environment.h daemon/runner/output.c daemon/runner/output.h \
	daemon/runner/tree.c daemon/runner/tree.h daemon/runner/process.c daemon/runner/process.h \
	daemon/runner/usercache.c daemon/runner/usercache.h \
	daemon/runner/recordio.c daemon/runner/recordio.h
jobsched_runner_LDADD = libproto.a libbase.a
