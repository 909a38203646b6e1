/* SPDX-License-Identifier: MIT */
/* symbols.h - which function holds an address: a flat, sorted table of 12 bytes a symbol.
 *
 * Built from .symtab (of the separate debug file if there is one), else from .dynsym, completed by
 * the .symtab in .gnu_debugdata.  Functions count, and labels in code where no function covers the
 * place.  A symbol without a size covers what lies before the next symbol, at most to the end of
 * its section; one with a size covers no more than that: no address gets a name by nearness.
 *
 * Names stay in the file: an answer is the place of its name, and symbols_name() reads that one.
 * So a table of 100,000 symbols costs 1.2 MB whatever the length of its names.
 * Read-only once built, so threads may share it; the images must outlive it.
 */
#ifndef ELF_SYMBOLS_H
#define ELF_SYMBOLS_H

#include "elf/image.h"
#include "elf/spans.h"

#define SYMBOLS_MAX        (4u << 20) /* of one table; a browser has about 1.5 million */
#define SYMBOLS_MAX_TABLES 2u
#define SYMBOLS_MAX_LISTED (256u << 20) /* bytes of names that symbols_each() holds */
#define SYMBOL_NAME_BYTES  1024u        /* with NUL; a longer name ends in "..." */

struct symbol_alias {
	uint32_t name;  /* as symbols_find() gives it */
	uint32_t other; /* of the same bytes and not worse */
};

struct symbol_names { /* one string table */
	const struct image *image;
	uint64_t offset;
	uint32_t first, bytes; /* its names are the numbers from `first` on */
};

struct symbols {
	uint64_t base;
	struct spans spans; /* value: name */
	vec(struct symbol_alias) aliases;
	struct symbol_names names[SYMBOLS_MAX_TABLES];
	uint32_t names_len;
	uint64_t dropped; /* symbols above a ceiling */
};

/**
 * symbols_new - build the table of one executable
 * @image: the executable itself; says what is code
 * @debug: its separate debug file; NULL: none
 * @mini:  what .gnu_debugdata held; NULL: none
 *
 * Return: 0, also when there are no symbols; -EBADMSG when a table contradicts itself; -ENODATA
 * truncated; -ENOMEM; -errno of pread().
 */
nodiscard int symbols_new(const struct image *image, const struct image *debug,
			  const struct image *mini, struct symbols **ret_symbols);
void symbols_free(struct symbols *symbols);
own_define(struct symbols, symbols_free)

/** symbols_find - Return: whether a symbol covers the address, and if so its name's number */
bool symbols_find(const struct symbols *symbols, uint64_t address, uint32_t *ret_name);

/**
 * symbols_name - the text of a name; of several for the same code the plainest (`write`, not
 * `__write`), without a symbol version
 *
 * Return: its length, > 0; -ENODATA, -EBADMSG when the file does not hold it; -errno of pread().
 */
nodiscard int symbols_name(const struct symbols *symbols, uint32_t name,
			   char text[SYMBOL_NAME_BYTES]);

/* One function as a symbol table states it. */
struct symbol {
	const char *name; /* with its version, if any ("memcpy@@GLIBC_2.14") */
	uint64_t address, size;
	bool is_resolver; /* STT_GNU_IFUNC: not the function, but what chooses it */
};

typedef int symbol_fn(void *context, const struct symbol *symbol);

/**
 * symbols_each - every function with its symbols, aliases too, in the order of the tables
 * @each: returns 0 to go on
 *
 * Other arguments as of symbols_new().  Return: 0; what @each returned; the errors of symbols_new();
 * -E2BIG when the names take more than SYMBOLS_MAX_LISTED.
 */
nodiscard int symbols_each(const struct image *image, const struct image *debug,
			   const struct image *mini, symbol_fn *each, void *context);

/** symbols_bytes - the memory it holds */
size_t symbols_bytes(const struct symbols *symbols);

#endif
