/* SPDX-License-Identifier: MIT */
/* containers.h - which container a process was in, from the records of processes. */
#ifndef STORE_CONTAINERS_H
#define STORE_CONTAINERS_H

#include "store/reader.h"

/**
 * containers_each - every process that was in a container in a span of time, the oldest first
 * @end_unix_ns: 0: any
 *
 * Return: 0; what @each returned; -errno with fail() said.
 */
nodiscard int containers_each(struct store_reader *reader, uint64_t start_unix_ns,
			      uint64_t end_unix_ns,
			      int (*each)(void *context, uint32_t pid, const char *id),
			      void *context);

#endif
