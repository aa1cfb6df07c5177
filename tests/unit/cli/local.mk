# jobctl: its pieces, and the program itself where no daemon is needed or a fake one will do.
check_PROGRAMS += tests/unit/cli/test-text
tests_unit_cli_test_text_SOURCES = tests/unit/cli/test-text.c
tests_unit_cli_test_text_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_cli_test_text_LDADD = $(CLI_LIBS)
TESTS += tests/unit/cli/test-text

CLI_PY_TESTS = tests/unit/cli/test-check.py tests/unit/cli/test-exit-codes.py tests/unit/cli/test-explain.py tests/unit/cli/test-manual.py \
	tests/unit/cli/test-output.py tests/unit/cli/test-simulate.py
if HAVE_PYTHON3
TESTS += $(CLI_PY_TESTS)
endif
EXTRA_DIST += tests/lib/fakedaemon.py tests/lib/tap.py $(CLI_PY_TESTS)
