# Tests in a machine of their own, with systemd and a clock that can be set: they take minutes and are no part of `make check`.
# It is kept in vm/ below the build; `make check-vm VM_TESTS=clock` picks some.
EXTRA_DIST += tests/vm/build tests/vm/check tests/vm/clock.py tests/vm/guest tests/vm/run
VM_TESTS = clock
check-vm: all
	$(srcdir)/tests/vm/check . $(VM_TESTS)
.PHONY: check-vm
