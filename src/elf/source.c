/* SPDX-License-Identifier: MIT */
#include "elf/source.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/file.h"

#define CRC_STEP_BYTES  65536u
#define TEXT_STEP_BYTES 128u /* most symbols and paths are shorter: one read */

int source_open(struct source *source, int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	*source = (struct source){ .fd = fd, .len = (uint64_t)status.st_size };
	return 0;
}

void source_hold(struct source *source, void *bytes, size_t len)
{
	*source = (struct source){ .fd = -1, .bytes = bytes, .len = len };
}

void source_done(struct source *source)
{
	if (source->bytes)
		free(source->bytes);
	else if (source->fd >= 0)
		close(source->fd);
	*source = (struct source){ .fd = -1 };
}

bool source_has(const struct source *source, uint64_t offset, uint64_t len)
{
	return offset <= source->len && len <= source->len - offset;
}

int source_read(const struct source *source, void *buffer, size_t len, uint64_t offset)
{
	if (!source_has(source, offset, len))
		return -ENODATA;
	if (!source->bytes)
		return file_read_at(source->fd, buffer, len, offset);
	memcpy(buffer, source->bytes + offset, len);
	return 0;
}

int source_crc32(const struct source *source, uint32_t *ret_crc)
{
	own(freep) uint8_t *step = malloc(CRC_STEP_BYTES);
	uLong crc = crc32(0, NULL, 0);

	if (!step)
		return -ENOMEM;
	for (uint64_t at = 0; at < source->len; at += CRC_STEP_BYTES) {
		uint64_t left = source->len - at;
		size_t len = left < CRC_STEP_BYTES ? (size_t)left : CRC_STEP_BYTES;
		int err = source_read(source, step, len, at);

		if (err)
			return err;
		crc = crc32(crc, step, (uInt)len);
	}
	*ret_crc = (uint32_t)crc;
	return 0;
}

int source_text(const struct source *source, uint64_t offset, uint64_t end, char *text, size_t size)
{
	size_t len = 0, step;

	if (offset >= end)
		return -EBADMSG;
	for (; len < size - 1; len += step) {
		const char *close;
		int err;

		step = size - 1 - len < TEXT_STEP_BYTES ? size - 1 - len : TEXT_STEP_BYTES;
		if (step > end - offset - len)
			step = (size_t)(end - offset - len);
		if (step == 0)
			break; /* no NUL before the end of the table: the text ends there */
		err = source_read(source, text + len, step, offset + len);
		if (err)
			return err;
		close = memchr(text + len, '\0', step);
		if (close)
			return (int)(close - text);
	}
	text[len] = '\0';
	return (int)len;
}
