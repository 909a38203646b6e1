/* SPDX-License-Identifier: MIT */
/* listening.h - the TCP ports that somebody listens on, in every network namespace of a process. */
#ifndef COLLECT_LISTENING_H
#define COLLECT_LISTENING_H

#include <stdint.h>

#include "base/own.h"

#define LISTENING_NAMESPACES_MAX 4096

/**
 * listening_each - a port may come more than once
 * @each: 0 to go on; else what listening_each() returns
 *
 * Return: 0; -E2BIG more namespaces than LISTENING_NAMESPACES_MAX, with fail() said; -ENOMEM.
 */
nodiscard int listening_each(int (*each)(void *context, uint16_t port), void *context);

/** listening_line - the port in a line of /proc/net/tcp or tcp6 if it is of a listener; else 0 */
uint16_t listening_line(const char *line);

#endif
