/* SPDX-License-Identifier: MIT */
/* file.h - reading from descriptors with a ceiling, and writing files whole or not at all. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/own.h"

/**
 * file_read_at - fill a buffer from a place in a file
 *
 * Never maps the file: one that shrinks while it is read gives an error, not SIGBUS.
 * Return: 0 when all @len bytes came; -ENODATA when the file ends before; -errno of pread().
 */
nodiscard int file_read_at(int fd, void *buffer, size_t len, uint64_t offset);

/**
 * file_read_all - the rest of a descriptor, for files without a size (/proc)
 * @max: -EFBIG when there is more than this
 * @ret_text: freshly allocated, closed by NUL; the caller frees it
 */
nodiscard int file_read_all(int fd, size_t max, char **ret_text, size_t *ret_len);

/* An output that replaces an old file only when it is complete. */
struct file_output {
	FILE *out;
	char *path;      /* what the user named; NULL for standard output */
	char *temporary; /* beside `path`; NULL when there is none */
	bool is_unnamed; /* written without a name yet: whatever ends us leaves nothing behind */
};

/**
 * file_output_open - start to write
 * @path: NULL or "-" for standard output
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int file_output_open(struct file_output *output, const char *path);

/** file_output_open_private - likewise; a new file is its owner's alone, as it holds what others were told */
nodiscard int file_output_open_private(struct file_output *output, const char *path);

/**
 * file_output_commit - finish: flush, check every write, rename into place
 *
 * Return: 0; -errno with fail() said, the old file untouched.  Either way @output is done.
 */
nodiscard int file_output_commit(struct file_output *output);

/** file_output_abort - drop what was written; accepts one that is done already */
void file_output_abort(struct file_output *output);

/** file_open - a file of our own, to read.  Return: descriptor; -errno with fail() said */
nodiscard int file_open(const char *path);

/** file_make_folder - where a file will lie, with those above it, 0700.  0; -errno with fail() said */
nodiscard int file_make_folder(const char *file);

/**
 * file_lock - be the only one who holds this file, made if it is not there; ends with its descriptor
 *
 * Return: descriptor; -EWOULDBLOCK another process holds it; -errno with fail() said.
 */
nodiscard int file_lock(const char *path);

#endif
