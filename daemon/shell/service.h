/* The service manager's side: readiness, watchdog, and which boot this is. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* sd_notify(3) where it is built in and the manager listens; else nothing.  `state` as sd_notify takes it. */
void service_notify(const char *state);

/* How often the manager wants to hear from us; 0: no watchdog. */
int64_t service_watchdog_usec(void);

/* The listening socket given by socket activation, -1: none.  Clears LISTEN_*. */
int service_listen_fd(void);

/* Forgets what the manager told us, so that no child takes it for its own. */
void service_clear_environment(void);

/* Identity of this boot: the kernel's boot id and the start of PID 1 (a container's restart is a boot). */
int service_boot_identity(char *buf, size_t size);
