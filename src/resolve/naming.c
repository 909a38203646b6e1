/* SPDX-License-Identifier: MIT */
#include "resolve/naming.h"

#include <inttypes.h>
#include <string.h>

#include "elf/demangle.h"

#define NAME_BYTES 1024u
#define TEXT_BYTES (NAME_BYTES + 64u) /* with a suffix or around a number */

uint32_t naming_owner(struct naming *naming)
{
	return ++naming->owners;
}

static size_t cache_slot(uint32_t owner, uint64_t key)
{
	/* Twice: the highest bits of a key, its kind, must reach the lowest of the hash. */
	return hash_mix(hash_mix(owner, key), 1) % NAMING_CACHE;
}

bool naming_find(const struct naming *naming, uint32_t owner, uint64_t key, uint32_t *ret_text)
{
	const struct naming_cached *cached = &naming->cache[cache_slot(owner, key)];

	if (cached->owner != owner || cached->key != key)
		return false;
	*ret_text = cached->text;
	return true;
}

void naming_keep(struct naming *naming, uint32_t owner, uint64_t key, uint32_t text)
{
	naming->cache[cache_slot(owner, key)] = (struct naming_cached){ key, owner, text };
}

int naming_symbol(struct naming *naming, const char *symbol, const char *suffix, uint32_t *ret_text)
{
	char plain[NAME_BYTES], text[TEXT_BYTES];

	if (!naming->mangled && demangle(symbol, plain, sizeof(plain)))
		symbol = plain;
	if (!*suffix)
		return profile_add_text(naming->profile, symbol, ret_text);
	snprintf(text, sizeof(text), "%s%s", symbol, suffix);
	return profile_add_text(naming->profile, text, ret_text);
}

int naming_address(struct naming *naming, const char *module, uint64_t address, uint32_t *ret_text)
{
	char text[TEXT_BYTES];
	size_t len = strlen(module);

	if (len > 1 && module[0] == '[' &&
	    module[len - 1] == ']') { /* [vdso+0x1], not [[vdso]+0x1] */
		module++;
		len -= 2;
	}
	snprintf(text, sizeof(text), "[%.*s+0x%" PRIx64 "]",
		 (int)(len < NAME_BYTES ? len : NAME_BYTES), module, address);
	return profile_add_text(naming->profile, text, ret_text);
}

void naming_begin(struct naming *naming, uint32_t frame)
{
	struct frame *at = &naming->profile->frames.data[frame];

	at->first_name = (uint32_t)naming->profile->names.len;
	at->name_count = 0;
}

int naming_add(struct naming *naming, uint32_t frame, const struct name *name)
{
	int err = vec_push(&naming->profile->names, *name);

	if (!err)
		naming->profile->frames.data[frame].name_count++;
	return err;
}

int naming_set(struct naming *naming, uint32_t frame, const struct name *name)
{
	naming_begin(naming, frame);
	return naming_add(naming, frame, name);
}
