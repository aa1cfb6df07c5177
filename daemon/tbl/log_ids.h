/* Log events of runs: the word of EVENT=, the MESSAGE_ID that journalctl can filter by, the level.  Told once; the
 * numbers are promises, jobschedd(8) lists them. */
#pragma once
#include <syslog.h>

#include "tbl/states.h"

/*        state of the run    EVENT=        MESSAGE_ID                            level */
#define TBL_LOG_EVENTS(X)                                                                       \
        X(RUN_WAITING, "waiting", "29138f768fb94a7b9fecf33ae2ee71f2", LOG_DEBUG)                \
        X(RUN_QUEUED, "queued", "1b2952a69ea341e088f86e3b70fcd278", LOG_DEBUG)                  \
        X(RUN_STARTING, "starting", "af44a4ff5d614fc58df1febb7487738d", LOG_DEBUG)              \
        X(RUN_RUNNING, "started", "c18bcbb01f4b4f19ac7a2d35ff56111b", LOG_INFO)                 \
        X(RUN_BACKOFF, "retry", "343d45cf0c144e6ab3028f649bca0bd8", LOG_NOTICE)                 \
        X(RUN_SUCCEEDED, "succeeded", "d820164538ed4c6ea7bb7ae39b5cdae1", LOG_INFO)             \
        X(RUN_FAILED, "failed", "0531117d53a54382bd8bdb837af6205b", LOG_WARNING)                \
        X(RUN_TIMED_OUT, "timed_out", "6a6c22b7bc534e979f17e7debc8c8856", LOG_WARNING)          \
        X(RUN_LOST, "lost", "3d537ee7be104741a771eebf66f005cc", LOG_ERR)                        \
        X(RUN_CANCELLED, "cancelled", "753d4d8a1f03481891c3d88c884d744e", LOG_NOTICE)           \
        X(RUN_SKIPPED, "skipped", "00252768ee6449fda4b64244b42240e0", LOG_NOTICE)               \
        X(RUN_MISSED, "missed", "c14218871690480e8652e1e4cccd055d", LOG_WARNING)

/* A run that is told to stop, and is still running. */
#define LOG_EVENT_STOPPING "stopping"
#define LOG_ID_STOPPING "68af1fd3796f4e71b6031b4aeb599f28"
#define LOG_LEVEL_STOPPING LOG_NOTICE
