check_PROGRAMS += tests/unit/control/test-json tests/unit/control/test-commands
TESTS += tests/unit/control/test-json tests/unit/control/test-commands

tests_unit_control_test_json_SOURCES = tests/unit/control/test-json.c
tests_unit_control_test_json_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_control_test_json_LDADD = libproto.a libbase.a $(JANSSON_LIBS)

tests_unit_control_test_commands_SOURCES = tests/unit/control/test-commands.c
tests_unit_control_test_commands_LDADD = libbase.a
