# tests/unit/proto
PROTO_TESTS = tests/unit/proto/test-record tests/unit/proto/test-runnermsg
check_PROGRAMS += $(PROTO_TESTS)
TESTS += $(PROTO_TESTS)

tests_unit_proto_test_record_SOURCES = tests/unit/proto/test-record.c
tests_unit_proto_test_record_LDADD = libproto.a libbase.a
tests_unit_proto_test_runnermsg_SOURCES = tests/unit/proto/test-runnermsg.c
tests_unit_proto_test_runnermsg_LDADD = libproto.a libbase.a
