/* SPDX-License-Identifier: MIT */
#include "elf/gopclntab.h"

#include <string.h>

#define MAGIC_1_18    0xfffffff0u
#define MAGIC_1_20    0xfffffff1u
#define POINTER_BYTES 8
#define ENTRY_BYTES   8 /* of the table of functions */
#define RECORD_BYTES  8 /* what is read of a record */
#define INFO_SECTION  ".go.buildinfo"
#define INFO_POINTER  16 /* where the version is pointed at, or stands */
#define INFO_INLINE   32
#define VERSION_BYTES 64

struct header {
	uint32_t magic;
	uint8_t pad[2], quantum, pointer_bytes;
	uint64_t functions, files, text, names, units, file_table, pc_table, pcln;
};

struct pclntab {
	const struct image *image;
	const struct image_section *section;
	struct header header;
	char *names; /* closed by NUL */
	size_t names_bytes;
	uint8_t *table; /* from `pcln` to the end of the section */
	size_t table_bytes;
};

static const struct image_section *find_section(const struct image *image)
{
	return image_find_section(image, ".gopclntab")
		       ?: image_find_section(image, ".data.rel.ro.gopclntab");
}

bool gopclntab_has(const struct image *image)
{
	return find_section(image) != NULL;
}

/* Reads [from, to) of the section, closed by NUL. */
static int read_part(const struct pclntab *tab, uint64_t from, uint64_t to, void *ret_bytes,
		     size_t *ret_len)
{
	char *bytes;
	int err;

	if (from > to || to > tab->section->size)
		return -EBADMSG;
	if (to - from > GOPCLNTAB_MAX_BYTES)
		return -E2BIG;
	bytes = malloc(to - from + 1);
	if (!bytes)
		return -ENOMEM;
	err = source_read(&tab->image->source, bytes, to - from, tab->section->offset + from);
	if (err) {
		free(bytes);
		return err;
	}
	bytes[to - from] = '\0';
	*ret_len = to - from;
	*(char **)ret_bytes = bytes;
	return 0;
}

static int open_tab(const struct image *image, struct pclntab *tab)
{
	int err;

	*tab = (struct pclntab){ .image = image, .section = find_section(image) };
	if (!tab->section)
		return -ENOENT;
	if (!image->is_64 || image_is_compressed(image, tab->section))
		return -ENOTSUP;
	err = source_read(&image->source, &tab->header, sizeof(tab->header), tab->section->offset);
	if (err)
		return err;
	if ((tab->header.magic != MAGIC_1_18 && tab->header.magic != MAGIC_1_20) ||
	    tab->header.pointer_bytes != POINTER_BYTES)
		return -ENOTSUP;
	if (tab->header.functions > GOPCLNTAB_MAX_FUNCTIONS)
		return -E2BIG;
	return read_part(tab, tab->header.names, tab->header.units, &tab->names, &tab->names_bytes);
}

static void close_tab(struct pclntab *tab)
{
	free(tab->names);
	free(tab->table);
}

static uint32_t word_at(const struct pclntab *tab, uint64_t at)
{
	uint32_t word;

	memcpy(&word, tab->table + at, sizeof(word));
	return word;
}

/* Return: 0; -EBADMSG when the table points outside of itself. */
static int function_at(const struct pclntab *tab, uint64_t i, uint64_t text,
		       struct go_function *ret)
{
	uint64_t at = i * ENTRY_BYTES, record = word_at(tab, at + 4);
	uint32_t name;

	if (record > tab->table_bytes || tab->table_bytes - record < RECORD_BYTES)
		return -EBADMSG;
	name = word_at(tab, record + 4);
	if (name >= tab->names_bytes)
		return -EBADMSG;
	ret->name = tab->names + name;
	ret->start = text + word_at(tab, at);
	ret->end = text + word_at(tab, at + ENTRY_BYTES);
	return ret->end >= ret->start ? 0 : -EBADMSG;
}

static int each_function(struct pclntab *tab, uint64_t text, go_function_fn *each, void *context)
{
	uint64_t count = tab->header.functions;
	struct go_function function;
	int err = read_part(tab, tab->header.pcln, tab->section->size, &tab->table,
			    &tab->table_bytes);

	if (!err && (count + 1) * ENTRY_BYTES > tab->table_bytes)
		err = -EBADMSG;
	for (uint64_t i = 0; !err && i < count; i++) {
		err = function_at(tab, i, text, &function);
		/* What is no code of this file cannot be its function. */
		if (!err && !image_code_at(tab->image, function.start))
			err = -EBADMSG;
		if (!err && function.end > function.start && function.name[0])
			err = each(context, &function);
	}
	return err;
}

int gopclntab_each(const struct image *image, uint64_t text, go_function_fn *each, void *context)
{
	struct pclntab tab;
	int err = open_tab(image, &tab);

	/* Go 1.26 and later leave it out. */
	if (!err && !tab.header.text && !text)
		err = -ENOTSUP;
	err = err ?: each_function(&tab, tab.header.text ?: text, each, context);
	close_tab(&tab);
	return err;
}

int gopclntab_names(const struct image *image, const char *name)
{
	struct pclntab tab;
	int found = open_tab(image, &tab);

	for (size_t at = 0; !found && at < tab.names_bytes; at += strlen(tab.names + at) + 1)
		found = strcmp(tab.names + at, name) == 0;
	close_tab(&tab);
	return found;
}

/* "go1.19.8" -> 1019 */
static unsigned read_version(const char *text)
{
	unsigned major, minor;

	if (sscanf(text, "go%u.%u", &major, &minor) != 2 || major > 99 || minor > 999)
		return 0;
	return major * 1000 + minor;
}

static unsigned version_at_pointer(const struct image *image, uint64_t offset)
{
	char text[VERSION_BYTES] = "";
	uint64_t words[2]; /* of a Go string: pointer, length */
	uint64_t pointer, at;

	if (source_read(&image->source, &pointer, sizeof(pointer), offset) ||
	    !image_offset(image, pointer, &at) ||
	    source_read(&image->source, words, sizeof(words), at) || words[1] >= sizeof(text) ||
	    !image_offset(image, words[0], &at) || source_read(&image->source, text, words[1], at))
		return 0;
	return read_version(text);
}

unsigned gopclntab_version(const struct image *image)
{
	const struct image_section *section = image_find_section(image, INFO_SECTION);
	char text[VERSION_BYTES] = "";
	uint8_t head[INFO_INLINE + 1];

	if (!section || section->size < sizeof(head) ||
	    source_read(&image->source, head, sizeof(head), section->offset) ||
	    memcmp(head, "\xff Go buildinf:", 14) != 0)
		return 0;
	if (!(head[15] & 2)) /* before 1.18 */
		return version_at_pointer(image, section->offset + INFO_POINTER);
	if (head[INFO_INLINE] >= sizeof(text) ||
	    source_read(&image->source, text, head[INFO_INLINE], section->offset + INFO_INLINE + 1))
		return 0;
	return read_version(text);
}
