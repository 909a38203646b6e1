/* SPDX-License-Identifier: MIT */
/* ring.h - reads a ring buffer that programs write to.
 *
 * libbpf's reader maps the data twice, one copy behind the other, and goes on for as long as something
 * comes.  Here they are mapped once, which is half of the memory, and a record that wraps around is put
 * together in a buffer; and what is read is what was there when the reading began, so that a flood keeps
 * nobody from the other rings.  Not thread-safe.
 *
 *     page 0: where the reader is   page 1: where the writers are   then: records, 8 bytes in front of each
 */
#ifndef COLLECT_RING_H
#define COLLECT_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct ring {
	uint64_t *consumer;       /* bytes that were read, ever; the kernel reads it */
	const uint64_t *producer; /* bytes that were written, ever */
	const uint8_t *data;
	uint64_t bytes; /* a power of 2 */
	vec(uint8_t) wrapped;
};

/**
 * ring_open - map it
 * @map: its descriptor, borrowed
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int ring_open(struct ring *ring, int map);

/**
 * ring_read - what was there when the call began, oldest first
 * @each: returns 0, or -errno to stop; the bytes are valid only during the call
 * @ret_is_whole: false where a record that a program is still writing ended it
 *
 * Return: 0; -ENOMEM; what @each returned, and then that record is not handed out again.
 */
nodiscard int ring_read(struct ring *ring,
			int (*each)(void *context, const void *bytes, size_t len), void *context,
			bool *ret_is_whole);
void ring_close(struct ring *ring);

#endif
