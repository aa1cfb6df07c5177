noinst_LIBRARIES += libproto.a
libproto_a_SOURCES = daemon/proto/json.c daemon/proto/json.h
libproto_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
