# Unit tests mirror daemon/: one .mk for each folder of it.
include tests/unit/base/local.mk
include tests/unit/calendar/local.mk
include tests/unit/proto/local.mk
include tests/unit/engine/local.mk
include tests/unit/jobfile/local.mk
include tests/unit/store/local.mk
include tests/unit/runner/local.mk
include tests/unit/log/local.mk
include tests/unit/control/local.mk
include tests/unit/cli/local.mk
include tests/unit/systemd/local.mk
include tests/unit/contrib/local.mk
include tests/unit/man/local.mk
