/* SPDX-License-Identifier: MIT */
/* debugfile.h - the separate file that holds what was stripped from an executable. */
#ifndef RESOLVE_DEBUGFILE_H
#define RESOLVE_DEBUGFILE_H

#include "elf/image.h"
#include "model/opener.h"

#define DEBUGFILE_MAX_CRC_BYTES (1ull << 30) /* read to check a debuglink; 0.3 s */

/**
 * debugfile_find - look by build-id, then by debuglink
 * @file:  number of the executable in the profile
 * @image: the executable
 *
 * Found is only what proves to belong to it: by the same build-id, or where one of the two has none
 * by the checksum in the debuglink.
 *
 * Return: 0; -ENOENT when there is none; -ENOMEM.
 */
nodiscard int debugfile_find(const struct opener *opener, const struct profile *profile,
			     uint32_t file, const struct image *image, struct image **ret_debug);

/** debugfile_path_bytes - length of a mapped file's path without " (deleted)" */
size_t debugfile_path_bytes(const char *path);

#endif
