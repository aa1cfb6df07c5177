/* The processes of an attempt: everything that descends from its supervisor, which is a child subreaper, so that
 * who forks away twice and makes a session of its own is still found.  Read from /proc/PID/task/TID/children
 * (CONFIG_PROC_CHILDREN). */
#pragma once
#include <stdbool.h>

/* Sends `signal` to every descendant of this process (and with `wake` SIGCONT after it).  Each is signalled by a
 * pidfd that is checked against its parent, so never a stranger with a reused pid.  Returns how many were reached,
 * or negative errno. */
int tree_signal(int signal, bool wake);
