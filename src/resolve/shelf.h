/* SPDX-License-Identifier: MIT */
/* shelf.h - the binaries whose tables are built already, found by what they are.
 *
 * A file that was seen before is known again by device, inode and generation.  Two paths, or two
 * containers, that show the same build-id share one entry, provided that length and layout are the
 * same too: a build-id is only what a file says of itself.  What was used last stays, up to a number
 * of bytes.
 */
#ifndef RESOLVE_SHELF_H
#define RESOLVE_SHELF_H

#include "resolve/binary.h"

struct shelf_place {
	uint64_t device, inode, generation;
	uint32_t file; /* its number in the profile, where there is no inode */
};

struct shelved {
	vec(struct shelf_place) places; /* where it was found */
	struct binary *binary;
	size_t bytes;
	uint64_t used; /* when: a count of uses */
};

struct shelf {
	vec(struct shelved) binaries;
	uint64_t uses;
};

/**
 * shelf_get - the binary of a file, opened and its tables built if need be; fills file.build_id
 *
 * The binary belongs to the shelf and stays until shelf_trim().
 * Return: 0; -errno of opening; the errors of image_open() and binary_new().
 */
nodiscard int shelf_get(struct shelf *shelf, const struct resolver_options *options,
			const struct opener *opener, struct profile *profile, uint32_t file,
			struct binary **ret_binary);

/** shelf_trim - after a binary was used: forget those used longest ago above a number of bytes */
void shelf_trim(struct shelf *shelf, size_t max_bytes);
void shelf_done(struct shelf *shelf);

#endif
