/* SPDX-License-Identifier: MIT */
/* source.h - where the bytes of a foreign file come from: a descriptor, or memory.
 *
 * A file is read with pread() and never mapped: one that shrinks under us gives an error, not
 * SIGBUS.  `len` is the length when it was opened; every read is checked against it first, so no
 * number found in the file makes us allocate or seek beyond what the file holds.
 */
#ifndef ELF_SOURCE_H
#define ELF_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

struct source {
	int fd;         /* -1: `bytes` */
	uint8_t *bytes; /* heap; NULL: `fd` */
	uint64_t len;
};

/**
 * source_open - read from a descriptor
 * @fd: of a regular file; on success it belongs to the source
 *
 * Return: 0; -errno of fstat(); -EINVAL when it is no regular file.
 */
nodiscard int source_open(struct source *source, int fd);

/** source_hold - read from memory.  @bytes: heap, belongs to the source from now on */
void source_hold(struct source *source, void *bytes, size_t len);
void source_done(struct source *source);

/** source_has - whether @len bytes at @offset lie inside the file */
bool source_has(const struct source *source, uint64_t offset, uint64_t len);

/** source_read - fill a buffer.  Return: 0; -ENODATA when the file ends before; -errno of pread() */
nodiscard int source_read(const struct source *source, void *buffer, size_t len, uint64_t offset);

/** source_crc32 - checksum of the whole, as in .gnu_debuglink.  Return: 0; -ENOMEM; as source_read() */
nodiscard int source_crc32(const struct source *source, uint32_t *ret_crc);

/**
 * source_text - a text that is closed by NUL in the file
 * @end:  where the table that holds it ends
 * @text: receives it, closed by NUL; cut to @size - 1 bytes
 *
 * Return: its length; -ENODATA when the file ends before it; -EBADMSG when @offset >= @end.
 */
nodiscard int source_text(const struct source *source, uint64_t offset, uint64_t end, char *text,
			  size_t size);

#endif
