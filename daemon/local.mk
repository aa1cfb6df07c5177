# The daemon, one library a folder, in the order in which they may use each other.
include daemon/base/local.mk
include daemon/tbl/local.mk
include daemon/proto/local.mk
include daemon/calendar/local.mk
include daemon/engine/local.mk
include daemon/jobfile/local.mk
include daemon/store/local.mk
include daemon/runner/local.mk
include daemon/log/local.mk
include daemon/control/local.mk
include daemon/shell/local.mk
