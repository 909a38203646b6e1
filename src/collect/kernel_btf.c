/* SPDX-License-Identifier: MIT */
/* The format is include/uapi/linux/btf.h: a header, then a section of types, one after the other,
 * each 12 bytes and an appendix whose size follows from its kind, then a section of texts.  Types
 * are numbered from 1 in order.  A variable names itself; a DATASEC lists (type, offset, size).
 */
#include "collect/kernel_btf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"

#define PIECE_BYTES  65536u
#define NAME_MAX_LEN 64u
#define KIND_ENUM64  19 /* since 6.0; not in the headers of Debian 12's libc */

struct wanted {
	const char *name;
	uint32_t name_offset; /* in the texts */
	uint32_t type;        /* number of the variable, 0 until seen */
	int64_t offset;       /* -1 until seen */
};

struct scan {
	int fd;
	const char *mapped; /* the whole file, since 6.16; else NULL */
	uint64_t mapped_bytes;
	struct btf_header header;
	char piece[PIECE_BYTES];
	uint64_t piece_start, piece_end; /* offsets in the file of what `piece` holds */
	struct wanted wanted[KERNEL_BTF_MAX_NAMES];
	size_t count;
};

/* Kernel memory that nobody changes; read() hands out a page of it per call. */
static void map_file(struct scan *scan)
{
	struct stat status;
	void *mapped;

	if (fstat(scan->fd, &status) || status.st_size <= 0)
		return;
	mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, scan->fd, 0);
	if (mapped == MAP_FAILED)
		return;
	scan->mapped = mapped;
	scan->mapped_bytes = (uint64_t)status.st_size;
}

/* `len` bytes of the file, from the piece if it has them. */
static const void *scan_at(struct scan *scan, uint64_t offset, size_t len)
{
	if (scan->mapped)
		return offset + len <= scan->mapped_bytes ? scan->mapped + offset : NULL;
	if (offset < scan->piece_start || offset + len > scan->piece_end) {
		size_t have = 0;
		ssize_t got;

		do {
			got = pread(scan->fd, scan->piece + have, PIECE_BYTES - have,
				    (off_t)(offset + have));
			have += got > 0 ? (size_t)got : 0;
		} while (got > 0 && have < PIECE_BYTES);
		scan->piece_start = offset;
		scan->piece_end = offset + have;
		if (have < len)
			return NULL;
	}
	return scan->piece + (offset - scan->piece_start);
}

/* Finds the texts of all names in one pass; pieces overlap by the longest name. */
static int find_names(struct scan *scan)
{
	uint64_t start = (uint64_t)scan->header.hdr_len + scan->header.str_off;
	uint64_t end = start + scan->header.str_len;
	size_t found = 0;

	for (uint64_t at = start; at < end; at += PIECE_BYTES - NAME_MAX_LEN) {
		size_t len = end - at < PIECE_BYTES ? (size_t)(end - at) : PIECE_BYTES;
		const char *piece;

		scan->piece_end = scan->piece_start = 0;
		piece = scan_at(scan, at, len);
		if (!piece)
			return -EIO;
		for (size_t i = 0; i < scan->count; i++) {
			char text[NAME_MAX_LEN + 2] = ""; /* its NUL in front and behind */
			size_t text_len = strlen(scan->wanted[i].name) + 2;
			const char *hit;

			memcpy(text + 1, scan->wanted[i].name, text_len - 2);
			hit = memmem(piece, len, text, text_len);
			if (!hit || scan->wanted[i].name_offset)
				continue;
			scan->wanted[i].name_offset =
				(uint32_t)(at - start + (size_t)(hit - piece) + 1);
			found++;
		}
	}
	return found == scan->count ? 0 : -ENOENT;
}

/* Bytes behind the 12 that every type has, -1 for a kind that is not known. */
static int64_t appendix_bytes(uint32_t info)
{
	int64_t members = BTF_INFO_VLEN(info);

	switch (BTF_INFO_KIND(info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case KIND_ENUM64:
		return members * 12;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return members * 8;
	default:
		return BTF_INFO_KIND(info) < KIND_ENUM64 ? 0 : -1;
	}
}

static int read_section(struct scan *scan, uint64_t at, uint32_t members)
{
	for (uint32_t i = 0; i < members; i++) {
		const struct btf_var_secinfo *member =
			scan_at(scan, at + i * sizeof(*member), sizeof(*member));

		if (!member)
			return -EIO;
		for (size_t j = 0; j < scan->count; j++)
			if (scan->wanted[j].type && scan->wanted[j].type == member->type)
				scan->wanted[j].offset = member->offset;
	}
	return 0;
}

static int walk_types(struct scan *scan)
{
	uint64_t at = (uint64_t)scan->header.hdr_len + scan->header.type_off;
	uint64_t end = at + scan->header.type_len;

	for (uint32_t number = 1; at < end; number++) {
		const struct btf_type *type = scan_at(scan, at, sizeof(*type));
		int64_t appendix;
		int err = 0;

		if (!type)
			return -EIO;
		appendix = appendix_bytes(type->info);
		if (appendix < 0)
			return -ENOTSUP;
		if (BTF_INFO_KIND(type->info) == BTF_KIND_VAR)
			for (size_t i = 0; i < scan->count; i++)
				if (scan->wanted[i].name_offset == type->name_off)
					scan->wanted[i].type = number;
		if (BTF_INFO_KIND(type->info) == BTF_KIND_DATASEC)
			err = read_section(scan, at + sizeof(*type), BTF_INFO_VLEN(type->info));
		if (err)
			return err;
		at += sizeof(*type) + (uint64_t)appendix;
	}
	return 0;
}

int kernel_btf_percpu(const char *const *names, size_t count, uint32_t *ret_offsets)
{
	own(fd_closep) int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	own(freep) struct scan *scan = calloc(1, sizeof(*scan));
	int err;

	if (fd < 0)
		return errno == ENOENT ? -ENOTSUP : -errno;
	if (!scan)
		return -ENOMEM;
	scan->fd = fd;
	scan->count = count;
	map_file(scan);
	for (size_t i = 0; i < count; i++)
		scan->wanted[i] = (struct wanted){ .name = names[i], .offset = -1 };
	err = file_read_at(fd, &scan->header, sizeof(scan->header), 0);
	if (!err && (scan->header.magic != BTF_MAGIC || scan->header.version != BTF_VERSION))
		err = -ENOTSUP;
	err = err ?: find_names(scan);
	err = err ?: walk_types(scan);
	for (size_t i = 0; !err && i < count; i++)
		if (scan->wanted[i].offset < 0)
			err = -ENOENT;
	for (size_t i = 0; !err && i < count; i++)
		ret_offsets[i] = (uint32_t)scan->wanted[i].offset;
	if (scan->mapped)
		munmap((void *)scan->mapped, scan->mapped_bytes);
	return err;
}
