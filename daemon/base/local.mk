noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	daemon/base/bytes.h \
	daemon/base/clock.h \
	daemon/base/crc32.c daemon/base/crc32.h \
	daemon/base/error.c daemon/base/error.h \
	daemon/base/escape.c daemon/base/escape.h \
	daemon/base/failpoint.c daemon/base/failpoint.h \
	daemon/base/fd.c daemon/base/fd.h \
	daemon/base/heap.h \
	daemon/base/ring.h \
	daemon/base/time.h \
	daemon/base/util.h \
	daemon/tbl/commands.c daemon/tbl/commands.h \
	daemon/tbl/errors.c daemon/tbl/errors.h \
	daemon/tbl/states.c daemon/tbl/states.h
