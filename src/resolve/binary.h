/* SPDX-License-Identifier: MIT */
/* binary.h - everything that names the code of one executable or library.
 *
 * Made of up to three files: the one that was mapped, the separate debug file, and the one inside of
 * .gnu_debugdata.  The tables are built when the first address asks for them.
 */
#ifndef RESOLVE_BINARY_H
#define RESOLVE_BINARY_H

#include "elf/inlines.h"
#include "elf/plt.h"
#include "elf/symbols.h"
#include "model/opener.h"
#include "resolve/naming.h"
#include "resolve/resolver.h"

#define BINARY_MAX_MINI_BYTES (64u << 20) /* .gnu_debugdata, inflated */

struct binary {
	struct image *image, *debug, *mini;
	struct symbols *symbols;
	struct plt *plt;
	struct inlines *inlines; /* NULL: none, or not wanted */
	int inlines_err;         /* why there are none; 0, -ENOENT: nothing went wrong */
};

/**
 * binary_new - build the tables of a file
 * @image: the file; belongs to the binary from now on, also on failure
 * @file:  its number in the profile, to find its debug file by
 *
 * Return: 0; -EBADMSG, -ENODATA when its symbols are damaged; -ENOMEM; -errno of pread().
 */
nodiscard int binary_new(const struct resolver_options *options, const struct opener *opener,
			 const struct profile *profile, uint32_t file, struct image *image,
			 struct binary **ret_binary);
void binary_free(struct binary *binary);
own_define(struct binary, binary_free)

/**
 * binary_name - name one frame of a file
 * @owner: of the cache keys: naming_owner()
 * @frame: number of a FRAME_USER frame in this file
 * @module: text by number
 * @ret_named: whether it has a name and not only an address
 *
 * Return: 0; -ENOMEM; -E2BIG when the profile's text is full.
 */
nodiscard int binary_name(struct binary *binary, struct naming *naming, uint32_t owner,
			  uint32_t frame, uint32_t module, bool *ret_named);

/** binary_bytes - the memory it holds */
size_t binary_bytes(const struct binary *binary);

#endif
