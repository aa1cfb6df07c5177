noinst_LIBRARIES += liblog.a
liblog_a_SOURCES = daemon/log/log.c daemon/log/log.h daemon/log/run_text.c daemon/log/run_text.h daemon/tbl/log_ids.h
liblog_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
LOG_LIBS = $(SYSTEMD_LIBS) $(JANSSON_LIBS)
