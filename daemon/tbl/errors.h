/* The errors that leave the daemon: stable name on the wire (`data.code`), and jobctl's exit code for it
 * (without --wait; with it every one of them is 126). */
#pragma once

/*        enum           wire name       exit */
#define TBL_ERRORS(X)                         \
        X(ERROR_NONE, "none", 0)              \
        X(ERROR_FAILED, "failed", 1)          \
        X(ERROR_INVALID, "invalid", 2)        \
        X(ERROR_NOT_FOUND, "not_found", 3)    \
        X(ERROR_DENIED, "denied", 4)          \
        X(ERROR_UNREACHABLE, "unreachable", 5) \
        X(ERROR_CONFLICT, "conflict", 6)      \
        X(ERROR_BUSY, "busy", 1)              \
        X(ERROR_UNAVAILABLE, "unavailable", 1)

enum error_code {
#define X(e, name, exit) e,
        TBL_ERRORS(X)
#undef X
        ERROR_NR
};

/* Wire name of a code. */
const char *error_code_name(enum error_code code);

/* Code of a wire name; ERROR_FAILED for one that is not known (a newer daemon's). */
enum error_code error_code_from_name(const char *name);

/* jobctl's exit code. */
int error_code_exit(enum error_code code);
