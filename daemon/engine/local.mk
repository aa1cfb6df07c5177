noinst_LIBRARIES += libengine.a
libengine_a_SOURCES = daemon/engine/clock.c daemon/engine/command.c daemon/engine/config.c daemon/engine/due.c \
	daemon/engine/engine.c daemon/engine/engine.h daemon/engine/event.h daemon/engine/internal.h \
	daemon/engine/instants.c daemon/engine/job.c daemon/engine/job.h daemon/engine/out.c daemon/engine/query.c daemon/engine/range.c daemon/engine/run.c \
	daemon/engine/run.h daemon/engine/runs.c daemon/engine/table.c
