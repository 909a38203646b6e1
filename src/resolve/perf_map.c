/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "resolve/jit.h"

#define STEP_BYTES 65536u

/* A hexadecimal number, with or without 0x, and the blanks behind it. */
static bool read_number(const char **at, const char *end, uint64_t *ret)
{
	const char *start;
	uint64_t value = 0;

	if (end - *at > 2 && (*at)[0] == '0' && ((*at)[1] == 'x' || (*at)[1] == 'X'))
		*at += 2;
	for (start = *at; *at < end && *at - start < 17; (*at)++) {
		char c = (char)(**at | 0x20);

		if (**at >= '0' && **at <= '9')
			value = value << 4 | (uint64_t)(**at - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (*at == start || *at - start > 16 || *at == end || **at != ' ')
		return false;
	while (*at < end && **at == ' ')
		(*at)++;
	*ret = value;
	return true;
}

static int read_line(struct jit *jit, const char *at, const char *end)
{
	uint64_t start, bytes;

	if (end > at && end[-1] == '\r')
		end--;
	if (!read_number(&at, end, &start) || !read_number(&at, end, &bytes))
		return 0;
	return jit_name(jit, start, bytes, at, (size_t)(end - at));
}

/* Reads all lines behind @offset.
 * @skips: up to the first end of a line: the rest of one that is too long or was begun before
 */
static int read_lines(int fd, off_t offset, bool skips, struct jit *jit)
{
	own(freep) char *text = malloc(STEP_BYTES);
	off_t stop_at = offset + JIT_MAX_READ_BYTES; /* it may grow while we read */
	size_t len = 0;
	int err = text ? 0 : -ENOMEM;

	while (!err && offset < stop_at) {
		ssize_t got = pread(fd, text + len, STEP_BYTES - len, offset);
		char *at = text, *end, *stop;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 0; /* a line without its end is still written */
		offset += got;
		end = text + len + (size_t)got;
		while (!err && (stop = memchr(at, '\n', (size_t)(end - at)))) {
			err = skips ? 0 : read_line(jit, at, stop);
			skips = false;
			at = stop + 1;
		}
		len = (size_t)(end - at);
		if (len == STEP_BYTES) {
			err = skips ? 0 : read_line(jit, at, end);
			skips = true;
			len = 0;
		}
		memmove(text, at, len);
	}
	return err;
}

int perf_map_read(int fd, struct jit *jit)
{
	struct stat status;
	off_t offset = 0;
	int err;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size > JIT_MAX_READ_BYTES)
		offset = status.st_size - JIT_MAX_READ_BYTES;
	err = read_lines(fd, offset, offset > 0, jit);
	if (err == -E2BIG)
		jit_forget(jit);
	return err ?: offset ? -EFBIG : 0;
}
