/* SPDX-License-Identifier: MIT */
#include "report/keys.h"

#include <string.h>

static bool key_same(const void *owner, uint32_t entry, const void *key)
{
	return memcmp(&((const struct keys *)owner)->list.data[entry], key, sizeof(struct key)) ==
	       0;
}

int keys_add(struct keys *keys, const struct key *key, uint32_t *ret_id)
{
	uint64_t hash = hash_bytes(key, sizeof(*key), 0);
	uint32_t id = index_find(&keys->index, hash, key_same, keys, key);
	int err;

	if (id != INDEX_NONE) {
		*ret_id = id;
		return 0;
	}
	id = (uint32_t)keys->list.len;
	err = vec_reserve(&keys->list, 1);
	err = err ?: index_add(&keys->index, hash, id);
	if (err)
		return err;
	keys->list.data[keys->list.len++] = *key;
	*ret_id = id;
	return 0;
}

void keys_done(struct keys *keys)
{
	vec_done(&keys->list);
	index_done(&keys->index);
}
