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
	uint32_t name_offset; /* in the texts; not asked for where they are mapped */
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
static const void *piece_at(struct scan *scan, uint64_t offset, size_t len)
{
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

/* Asked 130,000 times. */
static inline const void *scan_at(struct scan *scan, uint64_t offset, size_t len)
{
	if (!scan->mapped)
		return piece_at(scan, offset, len);
	return offset + len <= scan->mapped_bytes ? scan->mapped + offset : NULL;
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
static inline int64_t appendix_bytes(uint32_t info)
{
	static const struct {
		uint8_t all, each; /* in any case, and for each member */
	} bytes[KIND_ENUM64 + 1] = {
		[BTF_KIND_INT] = { 4, 0 },      [BTF_KIND_VAR] = { 4, 0 },
		[BTF_KIND_DECL_TAG] = { 4, 0 }, [BTF_KIND_ARRAY] = { sizeof(struct btf_array), 0 },
		[BTF_KIND_STRUCT] = { 0, 12 },  [BTF_KIND_UNION] = { 0, 12 },
		[BTF_KIND_DATASEC] = { 0, 12 }, [KIND_ENUM64] = { 0, 12 },
		[BTF_KIND_ENUM] = { 0, 8 },     [BTF_KIND_FUNC_PROTO] = { 0, 8 },
	};
	uint32_t kind = BTF_INFO_KIND(info);

	if (kind > KIND_ENUM64)
		return -1;
	return bytes[kind].all + (int64_t)bytes[kind].each * BTF_INFO_VLEN(info);
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

static bool is_wanted(const struct scan *scan, const struct wanted *wanted, uint32_t name)
{
	uint64_t at = (uint64_t)scan->header.hdr_len + scan->header.str_off + name;
	size_t len = strlen(wanted->name) + 1;

	if (!scan->mapped)
		return wanted->name_offset == name;
	return at + len <= scan->mapped_bytes && memcmp(scan->mapped + at, wanted->name, len) == 0;
}

static bool has_all(const struct scan *scan)
{
	for (size_t i = 0; i < scan->count; i++)
		if (scan->wanted[i].offset < 0)
			return false;
	return true;
}

static int walk_types(struct scan *scan)
{
	uint64_t at = (uint64_t)scan->header.hdr_len + scan->header.type_off;
	uint64_t end = at + scan->header.type_len;

	for (uint32_t number = 1; at < end; number++) {
		const struct btf_type *type = scan_at(scan, at, sizeof(*type));
		int64_t appendix;
		int err;

		if (!type)
			return -EIO;
		appendix = appendix_bytes(type->info);
		if (appendix < 0)
			return -ENOTSUP;
		if (BTF_INFO_KIND(type->info) == BTF_KIND_VAR)
			for (size_t i = 0; i < scan->count; i++)
				if (is_wanted(scan, &scan->wanted[i], type->name_off))
					scan->wanted[i].type = number;
		if (BTF_INFO_KIND(type->info) == BTF_KIND_DATASEC) {
			err = read_section(scan, at + sizeof(*type), BTF_INFO_VLEN(type->info));
			if (err || has_all(scan))
				return err;
		}
		at += sizeof(*type) + (uint64_t)appendix;
	}
	return 0;
}

int kernel_btf_percpu(const char *const *names, size_t count, uint32_t *ret_offsets)
{
	own(fd_closep) int fd = open(KERNEL_BTF, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ENOTSUP : -errno;
	return kernel_btf_percpu_in(fd, true, names, count, ret_offsets);
}

int kernel_btf_percpu_in(int fd, bool may_map, const char *const *names, size_t count,
			 uint32_t *ret_offsets)
{
	own(freep) struct scan *scan = calloc(1, sizeof(*scan));
	int err;

	if (!scan)
		return -ENOMEM;
	scan->fd = fd;
	scan->count = count;
	if (may_map)
		map_file(scan);
	for (size_t i = 0; i < count; i++)
		scan->wanted[i] = (struct wanted){ .name = names[i], .offset = -1 };
	err = file_read_at(fd, &scan->header, sizeof(scan->header), 0);
	if (!err && (scan->header.magic != BTF_MAGIC || scan->header.version != BTF_VERSION))
		err = -ENOTSUP;
	if (!err && !scan->mapped)
		err = find_names(scan);
	err = err ?: walk_types(scan);
	/* Types are sorted in 7.3: a section stands before the variables that it lists. */
	if (!err && !has_all(scan))
		err = walk_types(scan);
	if (!err && !has_all(scan))
		err = -ENOENT;
	for (size_t i = 0; !err && i < count; i++)
		ret_offsets[i] = (uint32_t)scan->wanted[i].offset;
	if (scan->mapped)
		munmap((void *)scan->mapped, scan->mapped_bytes);
	return err;
}
