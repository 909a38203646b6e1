/* SPDX-License-Identifier: MIT */
#include "resolve/kallsyms.h"

#include <string.h>

#define STEP_BYTES 65536u

/* As read; sorted and shortened to struct kallsym when all are known. */
struct symbol {
	uint64_t address;
	uint32_t name;
};

struct reader {
	struct kallsyms *kallsyms;
	vec(struct symbol) symbols;
	uint64_t lines, zeros;
};

/* A hexadecimal number and the blank behind it. */
static bool read_address(const char **at, const char *end, uint64_t *ret)
{
	uint64_t value = 0;
	const char *start = *at;

	for (; *at < end; (*at)++) {
		char c = **at;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (*at == start || *at - start > 16 || *at == end || **at != ' ')
		return false;
	(*at)++;
	*ret = value;
	return true;
}

/* Enters "name" or "name\t[module]", with a blank for the tab. */
static int add_name(struct kallsyms *kallsyms, const char *name, size_t len, uint32_t *ret_name)
{
	char *copy;
	int err;

	if (len >= KALLSYMS_NAME_BYTES)
		len = KALLSYMS_NAME_BYTES - 1;
	if (kallsyms->names.len + len + 1 > KALLSYMS_MAX_NAMES)
		return -E2BIG;
	err = vec_reserve(&kallsyms->names, len + 1);
	if (err)
		return err;
	copy = kallsyms->names.data + kallsyms->names.len;
	memcpy(copy, name, len);
	copy[len] = '\0';
	for (char *tab = strchr(copy, '\t'); tab; tab = strchr(tab, '\t'))
		*tab = ' ';
	*ret_name = (uint32_t)kallsyms->names.len;
	kallsyms->names.len += len + 1;
	return 0;
}

static int read_line(struct reader *reader, const char *at, const char *end)
{
	struct symbol symbol = { 0 };
	bool is_function;
	int err = 0;

	reader->lines++;
	if (!read_address(&at, end, &symbol.address) || end - at < 3 || at[1] != ' ') {
		reader->kallsyms->bad++;
		return 0;
	}
	if (!symbol.address)
		reader->zeros++;
	/* Per-CPU variables have small offsets for addresses; user addresses make no kernel. */
	if (symbol.address >> 63 == 0)
		return 0;
	is_function = *at == 't' || *at == 'T' || *at == 'w' || *at == 'W';
	if (reader->symbols.len >= KALLSYMS_MAX_SYMBOLS)
		err = -E2BIG;
	if (!err && is_function)
		err = add_name(reader->kallsyms, at + 2, (size_t)(end - at - 2), &symbol.name);
	if (err == -E2BIG) {
		reader->kallsyms->dropped += is_function;
		return 0;
	}
	return err ?: vec_push(&reader->symbols, symbol);
}

/* The whole text, a piece at a time: it has no size, and 10 MB of it are never in memory. */
static int read_text(struct reader *reader, int fd)
{
	own(freep) char *text = malloc(STEP_BYTES);
	size_t len = 0;
	int err = text ? 0 : -ENOMEM;

	while (!err) {
		ssize_t got = read(fd, text + len, STEP_BYTES - len);
		char *at = text, *end, *stop;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		end = text + len + (size_t)got;
		while (!err && (stop = memchr(at, '\n', (size_t)(end - at)))) {
			err = read_line(reader, at, stop);
			at = stop + 1;
		}
		len = (size_t)(end - at);
		if (got == 0) {
			if (!err && len)
				err = read_line(reader, at, end);
			return err;
		}
		if (len == STEP_BYTES) { /* no line is that long */
			reader->kallsyms->bad++;
			len = 0;
		}
		memmove(text, at, len);
	}
	return err;
}

/* By address; of equal ones functions first, in their order. */
static int compare_symbols(const void *a, const void *b)
{
	const struct symbol *left = a, *right = b;

	if (left->address != right->address)
		return left->address < right->address ? -1 : 1;
	return left->name - 1 < right->name - 1 ? -1 : left->name != right->name;
}

/* The lowest function is the base.  Keeps functions, and of the rest what ends one. */
static int build(struct reader *reader)
{
	struct kallsyms *kallsyms = reader->kallsyms;
	bool based = false;
	uint64_t last = 0;
	int err = 0;

	if (reader->symbols.len)
		qsort(reader->symbols.data, reader->symbols.len, sizeof(*reader->symbols.data),
		      compare_symbols);
	vec_each(symbol, &reader->symbols) {
		size_t len = kallsyms->symbols.len;

		if (err)
			return err;
		if (!based && !symbol->name)
			continue;
		if (!based)
			kallsyms->base = symbol->address;
		else if (symbol->address == last ||
			 (!symbol->name && !kallsyms->symbols.data[len - 1].name))
			continue;
		based = true;
		last = symbol->address;
		if (symbol->address - kallsyms->base > UINT32_MAX) {
			kallsyms->dropped += symbol->name != 0;
			continue;
		}
		err = vec_push(&kallsyms->symbols,
			       { (uint32_t)(symbol->address - kallsyms->base), symbol->name });
	}
	return err;
}

int kallsyms_new(int fd, struct kallsyms **ret_kallsyms)
{
	own(kallsyms_freep) struct kallsyms *kallsyms = calloc(1, sizeof(*kallsyms));
	struct reader reader = { .kallsyms = kallsyms };
	int err;

	if (!kallsyms)
		return -ENOMEM;
	err = vec_push(&kallsyms->names, '\0'); /* number 0 is no name */
	err = err ?: read_text(&reader, fd);
	err = err ?: build(&reader);
	kallsyms->hidden = reader.lines && reader.zeros == reader.lines;
	vec_done(&reader.symbols);
	if (err)
		return err;
	*ret_kallsyms = take(kallsyms);
	return 0;
}

void kallsyms_free(struct kallsyms *kallsyms)
{
	if (!kallsyms)
		return;
	vec_done(&kallsyms->symbols);
	vec_done(&kallsyms->names);
	free(kallsyms);
}

const char *kallsyms_find(const struct kallsyms *kallsyms, uint64_t address)
{
	size_t low = 0, high = kallsyms->symbols.len;
	const struct kallsym *found;

	if (address < kallsyms->base || address - kallsyms->base > UINT32_MAX)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kallsyms->symbols.data[middle].start <= address - kallsyms->base)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	found = &kallsyms->symbols.data[low - 1];
	if (!found->name || address - kallsyms->base - found->start >= KALLSYMS_MAX_FUNCTION)
		return NULL;
	return kallsyms->names.data + found->name;
}
