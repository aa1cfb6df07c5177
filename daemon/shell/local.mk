noinst_LIBRARIES += libshell.a
libshell_a_SOURCES = daemon/shell/drain.c daemon/shell/internal.h daemon/shell/load.c daemon/shell/places.c \
	daemon/shell/places.h daemon/shell/reload.c daemon/shell/service.c daemon/shell/service.h \
	daemon/shell/shell.c daemon/shell/shell.h daemon/shell/timers.c
libshell_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)

sbin_PROGRAMS += jobschedd
jobschedd_SOURCES = daemon/main.c
jobschedd_LDADD = libshell.a libcontrol.a librunner.a libstore.a liblog.a libjobfile.a libproto.a libengine.a \
	libcalendar.a libbase.a $(EV_LIBS) $(YAML_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS) $(MD_LIBS) $(SYSTEMD_LIBS) \
	$(PTHREAD_LIBS) -lm
