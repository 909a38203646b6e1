/* SPDX-License-Identifier: MIT */
/* hash.h - hashing, and an index from keys to the numbers of entries kept elsewhere.
 *
 * The entries live in the owner's array; the index holds only (hash, entry number) pairs in one
 * open-addressing table of 8-byte slots, at most 3/4 full, so growing never touches the entries.
 * An entry number is below 2^32 - 1.  Not thread-safe.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

#define INDEX_NONE UINT32_MAX

/* Mixes one word into a running hash; constants of the finaliser of MurmurHash3 (public domain). */
static inline uint64_t hash_mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0xff51afd7ed558ccdull;
	return hash ^ (hash >> 32);
}

uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed);

struct index {
	uint64_t *slots; /* high half: high half of the hash, which also gives the place;
			  * low half: entry number + 1; 0: free */
	uint32_t mask;   /* slots - 1, a power of two less one; 0: nothing allocated */
	uint32_t len;
};

/** index_add - enter a key that index_find() did not find.  Return: 0; -ENOMEM. */
nodiscard int index_add(struct index *index, uint64_t hash, uint32_t entry);
void index_done(struct index *index);

/** index_clear - forget every key, keep the memory */
void index_clear(struct index *index);

/**
 * index_find - the entry of a key
 * @same: whether entry number `entry` of the owner has this key
 *
 * Inline so that the compiler inlines @same.  Return: the entry's number, INDEX_NONE if absent.
 */
static inline uint32_t index_find(const struct index *index, uint64_t hash,
				  bool (*same)(const void *owner, uint32_t entry, const void *key),
				  const void *owner, const void *key)
{
	uint32_t high = (uint32_t)(hash >> 32);

	if (!index->slots)
		return INDEX_NONE;
	for (uint32_t at = high;; at++) {
		uint64_t slot = index->slots[at & index->mask];

		if (!slot)
			return INDEX_NONE;
		if ((uint32_t)(slot >> 32) == high && same(owner, (uint32_t)slot - 1, key))
			return (uint32_t)slot - 1;
	}
}

#endif
