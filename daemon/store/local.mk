noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = daemon/store/store.h daemon/store/internal.h daemon/store/columns.c daemon/store/columns.h daemon/store/db.c \
	daemon/store/db.h daemon/store/schema.c daemon/store/gather.c daemon/store/txn.c daemon/store/txn.h \
	daemon/store/writer.c daemon/store/prune.c daemon/store/reader.c \
	daemon/store/collect.c daemon/store/query.c daemon/store/lookup.c daemon/store/load.c daemon/store/store.c
libstore_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
