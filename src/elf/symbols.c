/* SPDX-License-Identifier: MIT */
#include "elf/symbols.h"

#include <elf.h>
#include <string.h>

#define STEP_BYTES  65536u
#define NAME_BITS   30u /* of a span's value while the table is built; the rank is above */
#define NAME_MASK   ((1u << NAME_BITS) - 1)
#define MAX_ALIASES 16u /* looked at to find the plainest name */

/* The smaller, the better a name for the bytes it covers. */
enum rank {
	RANK_GLOBAL,
	RANK_WEAK,
	RANK_LOCAL,
	RANK_LABEL
};

struct entry { /* an Elf32_Sym or Elf64_Sym */
	uint64_t value, size;
	uint32_t name;
	uint16_t section;
	uint8_t info;
};

struct table {
	const struct image *image; /* that holds it */
	const struct image_section *symbols;
	uint64_t strings;    /* offset of its names in the file */
	uint32_t first;      /* number of its first name */
	uint32_t name_bytes; /* of all names */
};

static struct entry entry_at(const struct image *image, const uint8_t *step, size_t i)
{
	if (image->is_64) {
		Elf64_Sym symbol;

		memcpy(&symbol, step + i * sizeof(symbol), sizeof(symbol));
		return (struct entry){ symbol.st_value, symbol.st_size, symbol.st_name,
				       symbol.st_shndx, symbol.st_info };
	} else {
		Elf32_Sym symbol;

		memcpy(&symbol, step + i * sizeof(symbol), sizeof(symbol));
		return (struct entry){ symbol.st_value, symbol.st_size, symbol.st_name,
				       symbol.st_shndx, symbol.st_info };
	}
}

/* Whether a symbol names code at all, and how good a name it is. */
static bool rank_of(const struct entry *entry, uint16_t machine, enum rank *ret)
{
	uint8_t type = ELF64_ST_TYPE(entry->info), bind = ELF64_ST_BIND(entry->info);

	if (entry->section == SHN_UNDEF || entry->section == SHN_ABS || !entry->name)
		return false;
	if (type == STT_NOTYPE) {
		*ret = RANK_LABEL;
		/* There they are mostly $x and $d, which tell code from data. */
		return bind != STB_LOCAL || (machine != EM_ARM && machine != EM_AARCH64);
	}
	*ret = bind == STB_LOCAL ? RANK_LOCAL : bind == STB_WEAK ? RANK_WEAK : RANK_GLOBAL;
	return type == STT_FUNC || type == STT_GNU_IFUNC;
}

/* Enters one symbol; `code` is the range that the one before was in. */
static int add_entry(struct symbols *symbols, const struct image *image, const struct table *table,
		     struct entry entry, const struct image_range **code)
{
	uint64_t end;
	enum rank rank;

	if (!rank_of(&entry, image->machine, &rank) || entry.name >= table->name_bytes)
		return 0;
	if (image->machine == EM_ARM && rank != RANK_LABEL)
		entry.value &= ~1ull; /* set for Thumb code */
	if (!*code || entry.value < (*code)->start || entry.value >= (*code)->end)
		*code = image_code_at(image, entry.value);
	if (!*code)
		return 0;
	if (__builtin_add_overflow(entry.value, entry.size, &end) || end > (*code)->end)
		end = (*code)->end;
	if (entry.value < image->base || end - image->base > UINT32_MAX ||
	    symbols->spans.len >= SYMBOLS_MAX) {
		symbols->dropped++;
		return 0;
	}
	return vec_push(&symbols->spans,
			{ (uint32_t)(entry.value - image->base), (uint32_t)(end - image->base),
			  (uint32_t)rank << NAME_BITS | (table->first + entry.name) });
}

typedef int entry_fn(void *context, const struct entry *entry);

/* Hands on every entry of a table, at most SYMBOLS_MAX; the number of those left out is added up. */
static int each_entry(const struct table *table, entry_fn *each, void *context,
		      uint64_t *ret_dropped)
{
	size_t size = table->image->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t count = table->symbols->size / size, per_step = STEP_BYTES / size;
	own(freep) uint8_t *step = malloc(STEP_BYTES);
	int err = step ? 0 : -ENOMEM;

	if (count > SYMBOLS_MAX) {
		*ret_dropped += count - SYMBOLS_MAX;
		count = SYMBOLS_MAX;
	}
	for (uint64_t i = 0; !err && i < count; i += per_step) {
		uint64_t here = count - i < per_step ? count - i : per_step;

		err = source_read(&table->image->source, step, here * size,
				  table->symbols->offset + i * size);
		for (uint64_t j = 0; !err && j < here; j++) {
			struct entry entry = entry_at(table->image, step, j);

			err = each(context, &entry);
		}
	}
	return err;
}

struct adding {
	struct symbols *symbols;
	const struct image *image;
	const struct table *table;
	const struct image_range *code;
};

static int add_each(void *context, const struct entry *entry)
{
	struct adding *adding = context;

	return add_entry(adding->symbols, adding->image, adding->table, *entry, &adding->code);
}

/* The table of a kind in an image.  1; 0 when it has none; -EBADMSG. */
static int find_table(const struct image *image, const struct image *from, uint32_t type,
		      struct table *ret)
{
	const struct image_section *section = from ? image_find_type(from, type) : NULL;
	const struct image_section *strings =
		section ? image_section_at(from, section->link) : NULL;

	if (!section)
		return 0;
	if (!strings || strings->type != SHT_STRTAB || image_is_compressed(from, section) ||
	    image_is_compressed(from, strings) || from->machine != image->machine ||
	    !source_has(&from->source, strings->offset, strings->size))
		return -EBADMSG;
	*ret = (struct table){ .image = from, .symbols = section, .strings = strings->offset };
	ret->name_bytes = strings->size < NAME_MASK ? (uint32_t)strings->size : NAME_MASK;
	return 1;
}

/* 1 when the image has such a table and it was entered; 0 when it has none. */
static int add_table(struct symbols *symbols, const struct image *image, const struct image *from,
		     uint32_t type)
{
	struct symbol_names *names = &symbols->names[symbols->names_len];
	struct table table;
	struct adding adding = { .symbols = symbols, .image = image, .table = &table };
	int err = find_table(image, from, type, &table);

	if (err <= 0)
		return err;
	if (names > symbols->names)
		table.first = names[-1].first + names[-1].bytes;
	if (table.name_bytes > NAME_MASK - table.first)
		table.name_bytes = NAME_MASK - table.first;
	*names = (struct symbol_names){ from, table.strings, table.first, table.name_bytes };
	symbols->names_len++;
	err = each_entry(&table, add_each, &adding, &symbols->dropped);
	return err ?: 1;
}

/* Where several symbols name exactly the same bytes, one stays; the others of its kind become
 * aliases, so that the plainest name can be chosen when it is read.
 */
static int merge_equals(struct symbols *symbols)
{
	struct spans *spans = &symbols->spans;
	size_t kept = 0;
	int err = 0;

	for (size_t first = 0, end; !err && first < spans->len; first = end) {
		size_t best = first;

		for (end = first + 1; end < spans->len; end++) {
			if (spans->data[end].start != spans->data[first].start ||
			    spans->data[end].end != spans->data[first].end)
				break;
			if (spans->data[end].value >> NAME_BITS < spans->data[best].value >>
			    NAME_BITS)
				best = end;
		}
		for (size_t i = first; !err && i < end; i++) {
			enum rank rank = spans->data[i].value >> NAME_BITS;
			enum rank top = spans->data[best].value >> NAME_BITS;

			if (i != best && (rank == top || rank <= RANK_WEAK))
				err = vec_push(&symbols->aliases,
					       { spans->data[best].value & NAME_MASK,
						 spans->data[i].value & NAME_MASK });
		}
		spans->data[kept++] = spans->data[best];
	}
	spans->len = kept;
	return err;
}

/* A symbol without a size reaches to the next one; inside of one with a size it is a mere label
 * and is dropped (a span without length is).
 */
static void size_unsized(struct symbols *symbols, const struct image *image)
{
	struct spans *spans = &symbols->spans;
	uint32_t covered = 0;

	for (size_t i = 0; i < spans->len; i++) {
		struct span *span = &spans->data[i];
		const struct image_range *code;
		size_t next = i + 1;

		if (span->end > span->start) {
			covered = span->end > covered ? span->end : covered;
			continue;
		}
		if (span->start < covered)
			continue;
		while (next < spans->len && spans->data[next].start == span->start)
			next++;
		code = image_code_at(image, image->base + span->start);
		span->end = (uint32_t)(code->end - image->base);
		if (next < spans->len && spans->data[next].start < span->end)
			span->end = spans->data[next].start;
	}
}

static int compare_aliases(const void *a, const void *b)
{
	const struct symbol_alias *left = a, *right = b;

	return left->name < right->name ? -1 : left->name > right->name;
}

static int index_symbols(struct symbols *symbols, const struct image *image)
{
	int err = spans_sort(&symbols->spans);

	err = err ?: merge_equals(symbols);
	if (err)
		return err;
	size_unsized(symbols, image);
	for (size_t i = 0; i < symbols->spans.len; i++)
		symbols->spans.data[i].value &= NAME_MASK;
	if (symbols->aliases.len)
		qsort(symbols->aliases.data, symbols->aliases.len, sizeof(*symbols->aliases.data),
		      compare_aliases);
	return spans_flatten(&symbols->spans);
}

int symbols_new(const struct image *image, const struct image *debug, const struct image *mini,
		struct symbols **ret_symbols)
{
	own(symbols_freep) struct symbols *symbols = calloc(1, sizeof(*symbols));
	int got;

	if (!symbols)
		return -ENOMEM;
	symbols->base = image->base;
	got = add_table(symbols, image, debug, SHT_SYMTAB);
	got = got ?: add_table(symbols, image, image, SHT_SYMTAB);
	if (!got) {
		got = add_table(symbols, image, image, SHT_DYNSYM);
		if (got >= 0)
			got = add_table(symbols, image, mini, SHT_SYMTAB);
	}
	if (got >= 0)
		got = index_symbols(symbols, image);
	if (got < 0)
		return got;
	*ret_symbols = take(symbols);
	return 0;
}

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	spans_done(&symbols->spans);
	vec_done(&symbols->aliases);
	free(symbols);
}

bool symbols_find(const struct symbols *symbols, uint64_t address, uint32_t *ret_name)
{
	const struct span *span;

	if (address < symbols->base || address - symbols->base > UINT32_MAX)
		return false;
	span = spans_find(&symbols->spans, (uint32_t)(address - symbols->base));
	if (!span)
		return false;
	*ret_name = span->value;
	return true;
}

static int read_name(const struct symbols *symbols, uint32_t name, char text[SYMBOL_NAME_BYTES])
{
	const struct symbol_names *names = &symbols->names[symbols->names_len];
	char *version;
	int len;

	do {
		if (names-- == symbols->names)
			return -EBADMSG;
	} while (name < names->first);
	len = source_text(&names->image->source, names->offset + (name - names->first),
			  names->offset + names->bytes, text, SYMBOL_NAME_BYTES);
	if (len < 0)
		return len;
	if (len == 0)
		return -EBADMSG;
	if (len == SYMBOL_NAME_BYTES - 1)
		memcpy(text + len - 3, "...", 3);
	version = strchr(text + 1, '@'); /* memcpy@@GLIBC_2.14 */
	if (version) {
		*version = '\0';
		len = (int)(version - text);
	}
	return len;
}

static bool is_plainer(const char *name, const char *than)
{
	size_t bars = strspn(name, "_"), than_bars = strspn(than, "_");

	return bars < than_bars || (bars == than_bars && strlen(name) < strlen(than));
}

int symbols_name(const struct symbols *symbols, uint32_t name, char text[SYMBOL_NAME_BYTES])
{
	char other[SYMBOL_NAME_BYTES];
	size_t low = 0, high = symbols->aliases.len;
	int len = read_name(symbols, name, text);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->aliases.data[middle].name < name)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned i = 0; len >= 0 && i < MAX_ALIASES; i++, low++) {
		int other_len;

		if (low == symbols->aliases.len || symbols->aliases.data[low].name != name)
			break;
		other_len = read_name(symbols, symbols->aliases.data[low].other, other);
		if (other_len < 0 || !is_plainer(other, text))
			continue;
		memcpy(text, other, (size_t)other_len + 1);
		len = other_len;
	}
	return len;
}

size_t symbols_bytes(const struct symbols *symbols)
{
	return sizeof(*symbols) + symbols->spans.cap * sizeof(*symbols->spans.data) +
	       symbols->aliases.cap * sizeof(*symbols->aliases.data);
}

struct listing {
	const struct image *image;
	const struct table *table;
	const char *names; /* all of them, closed by NUL */
	symbol_fn *each;
	void *context;
};

static int list_each(void *context, const struct entry *entry)
{
	const struct listing *listing = context;
	struct symbol symbol = { .address = entry->value, .size = entry->size };
	enum rank rank;

	if (!rank_of(entry, listing->image->machine, &rank) || rank == RANK_LABEL ||
	    entry->name >= listing->table->name_bytes ||
	    !image_code_at(listing->image, entry->value))
		return 0;
	symbol.name = listing->names + entry->name;
	symbol.is_resolver = ELF64_ST_TYPE(entry->info) == STT_GNU_IFUNC;
	return *symbol.name ? listing->each(listing->context, &symbol) : 0;
}

/* 1 when there is such a table. */
static int list_table(const struct image *image, const struct image *from, uint32_t type,
		      symbol_fn *each, void *context)
{
	own(freep) char *names = NULL;
	struct table table;
	struct listing listing = { image, &table, NULL, each, context };
	uint64_t dropped = 0;
	int err = find_table(image, from, type, &table);

	if (err <= 0)
		return err;
	if (table.name_bytes > SYMBOLS_MAX_LISTED)
		return -E2BIG;
	names = malloc((size_t)table.name_bytes + 1);
	if (!names)
		return -ENOMEM;
	names[table.name_bytes] = '\0';
	err = source_read(&from->source, names, table.name_bytes, table.strings);
	listing.names = names;
	err = err ?: each_entry(&table, list_each, &listing, &dropped);
	return err ?: 1;
}

int symbols_each(const struct image *image, const struct image *debug, const struct image *mini,
		 symbol_fn *each, void *context)
{
	int got = list_table(image, debug, SHT_SYMTAB, each, context);

	got = got ?: list_table(image, image, SHT_SYMTAB, each, context);
	if (got)
		return got < 0 ? got : 0;
	got = list_table(image, image, SHT_DYNSYM, each, context);
	if (got >= 0)
		got = list_table(image, mini, SHT_SYMTAB, each, context);
	return got < 0 ? got : 0;
}
