noinst_LIBRARIES += libproto.a
libproto_a_SOURCES = daemon/proto/json.c daemon/proto/json.h daemon/proto/record.c daemon/proto/record.h \
	daemon/proto/runnermsg.c daemon/proto/runnermsg.h
libproto_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
