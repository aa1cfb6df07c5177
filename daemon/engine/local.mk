noinst_LIBRARIES += libengine.a
libengine_a_SOURCES = daemon/engine/job.c daemon/engine/job.h daemon/engine/run.c daemon/engine/run.h \
	daemon/engine/event.h daemon/engine/engine.h
