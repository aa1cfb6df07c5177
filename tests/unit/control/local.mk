# Unit tests of daemon/control, and of the tables and JSON lines that it shares with jobctl.
CONTROL_TESTS = tests/unit/control/test-limits tests/unit/control/test-logs tests/unit/control/test-rights tests/unit/control/test-rpc
check_PROGRAMS += tests/unit/control/test-json tests/unit/control/test-commands $(CONTROL_TESTS)
TESTS += tests/unit/control/test-json tests/unit/control/test-commands $(CONTROL_TESTS)

tests_unit_control_test_json_SOURCES = tests/unit/control/test-json.c
tests_unit_control_test_json_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_control_test_json_LDADD = libproto.a libbase.a $(JANSSON_LIBS)

tests_unit_control_test_commands_SOURCES = tests/unit/control/test-commands.c
tests_unit_control_test_commands_LDADD = libbase.a

CONTROL_HARNESS = tests/unit/control/harness.c tests/unit/control/harness.h
CONTROL_LIBS = libcontrol.a libjobfile.a libengine.a libcalendar.a libproto.a libbase.a $(JANSSON_LIBS) $(YAML_LIBS) $(MD_LIBS) $(EV_LIBS)

tests_unit_control_test_rpc_SOURCES = tests/unit/control/test-rpc.c $(CONTROL_HARNESS)
tests_unit_control_test_rpc_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_control_test_rpc_LDADD = $(CONTROL_LIBS)

tests_unit_control_test_limits_SOURCES = tests/unit/control/test-limits.c $(CONTROL_HARNESS)
tests_unit_control_test_limits_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_control_test_limits_LDADD = $(CONTROL_LIBS)

tests_unit_control_test_rights_SOURCES = tests/unit/control/test-rights.c $(CONTROL_HARNESS)
tests_unit_control_test_rights_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_control_test_rights_LDADD = $(CONTROL_LIBS)

# With the runner's own writer of logs.
tests_unit_control_test_logs_SOURCES = tests/unit/control/test-logs.c daemon/runner/output.c $(CONTROL_HARNESS)
tests_unit_control_test_logs_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_control_test_logs_LDADD = $(CONTROL_LIBS)
