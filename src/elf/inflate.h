/* SPDX-License-Identifier: MIT */
/* inflate.h - unpacking parts of foreign files, never further than the caller allows. */
#ifndef ELF_INFLATE_H
#define ELF_INFLATE_H

#include "elf/source.h"

#define INFLATE_XZ_MEMORY \
	(64u << 20) /* what an xz stream may ask for; the default preset needs 9 MB */

/**
 * inflate_zlib - unpack a deflated part of a file into a buffer of exactly its size
 *
 * Return: 0; -EBADMSG when it is damaged or has another length; -ENODATA; -ENOMEM.
 */
nodiscard int inflate_zlib(const struct source *source, uint64_t offset, uint64_t len, void *buffer,
			   uint64_t size);

/**
 * inflate_xz - unpack an .xz stream (.gnu_debugdata)
 * @max: -E2BIG when more than this comes out
 * @ret_bytes: heap; the caller frees it
 *
 * Return: 0; -EBADMSG when it is damaged; -E2BIG, also when it asks for more than
 * INFLATE_XZ_MEMORY; -ENODATA; -ENOMEM.
 */
nodiscard int inflate_xz(const struct source *source, uint64_t offset, uint64_t len, size_t max,
			 void **ret_bytes, size_t *ret_len);

#endif
