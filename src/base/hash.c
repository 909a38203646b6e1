/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <errno.h>
#include <string.h>

#define INDEX_FIRST_SLOTS 64u

uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed)
{
	const unsigned char *at = bytes;
	uint64_t hash = seed ^ (len * 0x9e3779b97f4a7c15ull), word;

	for (; len >= sizeof(word); len -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = hash_mix(hash, word);
	}
	word = 0;
	memcpy(&word, at, len);
	hash = hash_mix(hash, word);
	return hash_mix(hash, hash >> 29);
}

static void index_place(struct index *index, uint64_t slot)
{
	uint32_t at = (uint32_t)(slot >> 32);

	while (index->slots[at & index->mask])
		at++;
	index->slots[at & index->mask] = slot;
}

static int index_grow(struct index *index)
{
	struct index bigger = { .len = index->len };
	uint64_t slots = index->slots ? ((uint64_t)index->mask + 1) * 2 : INDEX_FIRST_SLOTS;

	if (slots > UINT32_MAX)
		return -ENOMEM;
	bigger.slots = calloc(slots, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	bigger.mask = (uint32_t)(slots - 1);
	for (uint64_t i = 0; index->slots && i <= index->mask; i++)
		if (index->slots[i])
			index_place(&bigger, index->slots[i]);
	free(index->slots);
	*index = bigger;
	return 0;
}

int index_add(struct index *index, uint64_t hash, uint32_t entry)
{
	if (!index->slots || ((uint64_t)index->len + 1) * 4 > ((uint64_t)index->mask + 1) * 3) {
		int err = index_grow(index);

		if (err)
			return err;
	}
	index_place(index, (hash >> 32) << 32 | (entry + 1));
	index->len++;
	return 0;
}

void index_clear(struct index *index)
{
	if (index->slots)
		memset(index->slots, 0, ((size_t)index->mask + 1) * sizeof(*index->slots));
	index->len = 0;
}

void index_done(struct index *index)
{
	free(index->slots);
	*index = (struct index){ 0 };
}
