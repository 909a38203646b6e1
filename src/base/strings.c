/* SPDX-License-Identifier: MIT */
#include "base/strings.h"

#include <string.h>

struct span {
	const char *text;
	size_t len;
};

static bool string_same(const void *owner, uint32_t entry, const void *key)
{
	const struct strings *strings = owner;
	const struct span *span = key;
	const char *have = strings_get(strings, entry);

	return strncmp(have, span->text, span->len) == 0 && have[span->len] == '\0';
}

int strings_add(struct strings *strings, const char *text, size_t len, uint32_t *ret_id)
{
	struct span span = { text, strnlen(text, len) };
	uint64_t hash = hash_bytes(text, span.len, 0);
	uint32_t id;
	int err;

	if (span.len == 0) {
		*ret_id = 0;
		return 0;
	}
	id = index_find(&strings->index, hash, string_same, strings, &span);
	if (id != INDEX_NONE) {
		*ret_id = id;
		return 0;
	}
	if (strings->text.len + span.len + 1 > STRINGS_MAX_BYTES)
		return -E2BIG;
	if (strings->starts.len == 0) {
		err = vec_push(&strings->starts, 0);
		err = err ?: vec_push(&strings->text, '\0');
		if (err)
			return err;
	}
	id = (uint32_t)strings->starts.len;
	err = vec_reserve(&strings->text, span.len + 1);
	err = err ?: vec_reserve(&strings->starts, 1);
	err = err ?: index_add(&strings->index, hash, id);
	if (err)
		return err;
	strings->starts.data[strings->starts.len++] = (uint32_t)strings->text.len;
	memcpy(strings->text.data + strings->text.len, text, span.len);
	strings->text.data[strings->text.len + span.len] = '\0';
	strings->text.len += span.len + 1;
	*ret_id = id;
	return 0;
}

const char *strings_get(const struct strings *strings, uint32_t id)
{
	return id && id < strings->starts.len ? strings->text.data + strings->starts.data[id] : "";
}

void strings_done(struct strings *strings)
{
	vec_done(&strings->text);
	vec_done(&strings->starts);
	index_done(&strings->index);
}
