/* SPDX-License-Identifier: MIT */
/* naming.h - writes names into a profile: texts once, symbols demangled once.
 *
 * A function that many addresses fall into is read, demangled and entered for the first of them;
 * the others find its number in a small cache.  Belongs to one resolver_name() call.
 */
#ifndef RESOLVE_NAMING_H
#define RESOLVE_NAMING_H

#include "model/profile.h"

#define NAMING_CACHE 8192u /* entries of 16 bytes */

struct naming_cached {
	uint64_t key;
	uint32_t owner; /* 0: empty */
	uint32_t text;
};

struct naming {
	struct profile *profile;
	bool mangled;
	uint32_t owners; /* given out by naming_owner() */
	struct naming_cached cache[NAMING_CACHE];
};

/** naming_owner - a number that tells the cache keys of one file from those of others */
uint32_t naming_owner(struct naming *naming);

/** naming_find - a cached text.  Return: whether `key` of `owner` is there */
bool naming_find(const struct naming *naming, uint32_t owner, uint64_t key, uint32_t *ret_text);

/** naming_keep - remember it */
void naming_keep(struct naming *naming, uint32_t owner, uint64_t key, uint32_t text);

/**
 * naming_symbol - enter a symbol, demangled unless that is off
 * @suffix: appended, such as "@plt"; "" for none
 *
 * Return: 0; -ENOMEM; -E2BIG.
 */
nodiscard int naming_symbol(struct naming *naming, const char *symbol, const char *suffix,
			    uint32_t *ret_text);

/** naming_address - enter the text of an address without a name: [module+0x1234] */
nodiscard int naming_address(struct naming *naming, const char *module, uint64_t address,
			     uint32_t *ret_text);

/** naming_set - give a frame its only name.  Return: 0; -ENOMEM */
nodiscard int naming_set(struct naming *naming, uint32_t frame, const struct name *name);

/** naming_begin, naming_add - or several, outermost first.  Return: 0; -ENOMEM */
void naming_begin(struct naming *naming, uint32_t frame);
nodiscard int naming_add(struct naming *naming, uint32_t frame, const struct name *name);

#endif
