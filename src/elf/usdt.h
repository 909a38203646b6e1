/* SPDX-License-Identifier: MIT */
/* usdt.h - the probe points that a program's authors have put into it (sys/sdt.h), by their names.
 *
 *     .note.stapsdt, owner "stapsdt", type 3:
 *             words: address, address of .stapsdt.base when linked, address of a semaphore or 0
 *             texts: provider, name, arguments
 */
#ifndef ELF_USDT_H
#define ELF_USDT_H

#include "elf/image.h"

#define USDT_MAX_BYTES (16u << 20) /* of the section */

struct usdt_point {
	const char *provider, *name; /* valid during the call */
	uint64_t address;
	uint64_t semaphore_offset; /* in the file; 0: none */
};

typedef int usdt_fn(void *context, const struct usdt_point *point);

/**
 * usdt_each - every probe point, in the order of the file
 * @each: returns 0 to go on
 *
 * Return: 0, also when there are none; what @each returned; -EBADMSG the notes contradict themselves;
 * -E2BIG; -ENOMEM; -errno.
 */
nodiscard int usdt_each(const struct image *image, usdt_fn *each, void *context);

#endif
