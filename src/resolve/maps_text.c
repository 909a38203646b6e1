/* SPDX-License-Identifier: MIT */
/* The text of /proc/PID/maps (fs/proc/task_mmu.c, show_map_vma):
 *
 *     start-end perms offset major:minor inode          path
 *
 * All numbers but the inode are hexadecimal.  The path is the rest of the line, with each newline in
 * it written as \012 and nothing else escaped.
 */
#include <string.h>

#include "resolve/maps.h"

#define PATH_MAX_BYTES 4352u /* PATH_MAX, " (deleted)" and escaped newlines of an ordinary name */

enum mapping_kind mapping_kind_of(const char *path)
{
	if (!*path || strcmp(path, "//anon") == 0 || strncmp(path, "/dev/zero", 9) == 0 ||
	    strncmp(path, "/SYSV", 5) == 0 || strncmp(path, "[anon", 5) == 0 ||
	    /* .NET maps its JIT code twice, once to write and once to run. */
	    strncmp(path, "/memfd:doublemapper", 19) == 0)
		return MAPPING_ANONYMOUS;
	if (*path != '[')
		return MAPPING_FILE;
	if (strcmp(path, "[vdso]") == 0)
		return MAPPING_VDSO;
	if (strcmp(path, "[heap]") == 0)
		return MAPPING_HEAP;
	if (strncmp(path, "[stack", 6) == 0)
		return MAPPING_STACK;
	return MAPPING_SPECIAL;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* Reads a number up to `close`, which is skipped. */
static bool read_number(const char **at, const char *end, int base, char close, uint64_t *ret)
{
	uint64_t value = 0;
	const char *start = *at;

	for (; *at < end && digit_of(**at) < base; (*at)++)
		if (__builtin_mul_overflow(value, (unsigned)base, &value) ||
		    __builtin_add_overflow(value, (unsigned)digit_of(**at), &value))
			return false;
	if (*at == start || (*at < end && **at != close) || (*at == end && close != ' '))
		return false;
	if (*at < end)
		(*at)++;
	*ret = value;
	return true;
}

/* Everything in front of the path. */
static bool read_fields(const char **at, const char *end, struct mapping *mapping)
{
	uint64_t major, minor;

	if (!read_number(at, end, 16, '-', &mapping->start) ||
	    !read_number(at, end, 16, ' ', &mapping->end) || mapping->start >= mapping->end)
		return false;
	if (end - *at < 5 || (*at)[4] != ' ')
		return false;
	mapping->executable = (*at)[2] == 'x';
	mapping->writable = (*at)[1] == 'w';
	*at += 5;
	if (!read_number(at, end, 16, ' ', &mapping->file_offset) ||
	    !read_number(at, end, 16, ':', &major) || !read_number(at, end, 16, ' ', &minor) ||
	    !read_number(at, end, 10, ' ', &mapping->inode))
		return false;
	mapping->device = major << 32 | (uint32_t)minor;
	while (*at < end && **at == ' ')
		(*at)++;
	return true;
}

static int read_path(const char *at, const char *end, struct strings *paths,
		     struct mapping *mapping)
{
	char path[PATH_MAX_BYTES];
	size_t len = 0;

	while (at < end && len < sizeof(path) - 1) {
		if (end - at >= 4 && memcmp(at, "\\012", 4) == 0) {
			path[len++] = '\n';
			at += 4;
		} else {
			path[len++] = *at++;
		}
	}
	path[len] = '\0';
	mapping->kind = (uint8_t)mapping_kind_of(path);
	return strings_add(paths, path, len, &mapping->path);
}

int mappings_parse(struct mappings *mappings, const char *text, size_t len, bool only_code,
		   struct strings *paths, uint32_t *ret_bad)
{
	const char *end = text + len;
	uint32_t bad = 0;
	int err = 0;

	while (!err && text < end) {
		const char *line = text, *stop = memchr(text, '\n', (size_t)(end - text));
		struct mapping mapping = { 0 };

		stop = stop ?: end;
		text = stop < end ? stop + 1 : end;
		if (!read_fields(&line, stop, &mapping)) {
			bad++;
			continue;
		}
		if (only_code && !mapping.executable)
			continue;
		err = read_path(line, stop, paths, &mapping);
		err = err ?: mappings_insert(mappings, &mapping);
	}
	if (!err && ret_bad)
		*ret_bad = bad;
	return err;
}
