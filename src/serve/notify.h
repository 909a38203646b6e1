/* SPDX-License-Identifier: MIT */
/* notify.h - tells systemd how the daemon is (sd_notify(3)), where systemd started it. */
#ifndef SERVE_NOTIFY_H
#define SERVE_NOTIFY_H

#include <stdint.h>

/** notify_put - "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..."; nothing without $NOTIFY_SOCKET */
void notify_put(const char *state);

/** notify_watchdog_ns - how often it wants to hear of us; 0: never */
uint64_t notify_watchdog_ns(void);

#endif
