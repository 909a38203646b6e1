/* SPDX-License-Identifier: MIT */
#include "resolve/maps.h"

#include <assert.h>
#include <string.h>

#define CHUNK_LEN 128u

struct mapping_chunk {
	uint32_t refs;
	uint32_t len; /* 1 .. CHUNK_LEN */
	struct mapping items[CHUNK_LEN];
};

struct mapping_table {
	uint32_t refs;
	uint32_t len, cap;
	struct mapping_chunk *chunks[];
};

/* A place between mappings: chunk number, number in the chunk. */
struct place {
	uint32_t chunk, item;
};

static void chunk_unref(struct mapping_chunk *chunk)
{
	if (--chunk->refs == 0)
		free(chunk);
}

/* Makes the table ours alone, with room for one chunk more. */
static int own_table(struct mappings *mappings)
{
	struct mapping_table *old = mappings->table, *table;
	uint32_t len = old ? old->len : 0, cap = len + len / 2 + 2;

	if (old && old->refs == 1 && old->cap > len)
		return 0;
	if (old && old->refs == 1) {
		table = realloc(old, sizeof(*table) + cap * sizeof(table->chunks[0]));
		if (!table)
			return -ENOMEM;
		table->cap = cap;
		mappings->table = table;
		return 0;
	}
	table = malloc(sizeof(*table) + cap * sizeof(table->chunks[0]));
	if (!table)
		return -ENOMEM;
	table->refs = 1;
	table->len = len;
	table->cap = cap;
	for (uint32_t i = 0; i < len; i++) {
		table->chunks[i] = old->chunks[i];
		table->chunks[i]->refs++;
	}
	if (old)
		old->refs--;
	mappings->table = table;
	return 0;
}

/* Makes one chunk of a table that is ours alone ours alone too. */
static int own_chunk(struct mapping_table *table, uint32_t number)
{
	struct mapping_chunk *old = table->chunks[number], *chunk;

	if (old->refs == 1)
		return 0;
	chunk = malloc(sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	memcpy(chunk, old, sizeof(*chunk));
	chunk->refs = 1;
	old->refs--;
	table->chunks[number] = chunk;
	return 0;
}

/* The first mapping that ends above an address; one past the last chunk if there is none. */
static struct place place_of(const struct mappings *mappings, uint64_t address)
{
	const struct mapping_table *table = mappings->table;
	uint32_t low = 0, high = table ? table->len : 0;
	struct place place;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct mapping_chunk *chunk = table->chunks[middle];

		if (chunk->items[chunk->len - 1].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	place = (struct place){ low, 0 };
	if (!table || low == table->len)
		return place;
	for (high = table->chunks[low]->len; place.item < high;) {
		uint32_t middle = place.item + (high - place.item) / 2;

		if (table->chunks[low]->items[middle].end <= address)
			place.item = middle + 1;
		else
			high = middle;
	}
	return place;
}

static const struct mapping *item_at(const struct mappings *mappings, struct place place)
{
	const struct mapping_table *table = mappings->table;

	return table && place.chunk < table->len ? &table->chunks[place.chunk]->items[place.item]
						 : NULL;
}

static void insert_chunk(struct mapping_table *table, uint32_t at, struct mapping_chunk *chunk)
{
	assert(table->len < table->cap);
	memmove(table->chunks + at + 1, table->chunks + at,
		(table->len - at) * sizeof(table->chunks[0]));
	table->chunks[at] = chunk;
	table->len++;
}

/* Splits a full chunk, so that the place is in one with room.  A place at the very end gets a chunk
 * of its own: mappings that come in order fill every chunk.
 */
static int split_chunk(struct mapping_table *table, struct place *place)
{
	struct mapping_chunk *left = table->chunks[place->chunk], *right;
	uint32_t keep = place->item == left->len ? left->len : left->len / 2;

	right = malloc(sizeof(*right));
	if (!right)
		return -ENOMEM;
	right->refs = 1;
	right->len = left->len - keep;
	memcpy(right->items, left->items + keep, right->len * sizeof(right->items[0]));
	left->len = keep;
	insert_chunk(table, place->chunk + 1, right);
	if (place->item > keep || right->len == 0) {
		place->chunk++;
		place->item -= keep;
	}
	return 0;
}

static int insert_at(struct mappings *mappings, struct place place, const struct mapping *mapping)
{
	struct mapping_chunk *chunk;
	int err = own_table(mappings);

	if (err)
		return err;
	if (place.chunk == mappings->table->len && place.chunk > 0) {
		place.chunk--;
		place.item = mappings->table->chunks[place.chunk]->len;
	} else if (place.chunk == mappings->table->len) {
		chunk = malloc(sizeof(*chunk));
		if (!chunk)
			return -ENOMEM;
		*chunk = (struct mapping_chunk){ .refs = 1 };
		insert_chunk(mappings->table, 0, chunk);
	}
	err = own_chunk(mappings->table, place.chunk);
	if (!err && mappings->table->chunks[place.chunk]->len == CHUNK_LEN)
		err = split_chunk(mappings->table, &place);
	if (err)
		return err;
	chunk = mappings->table->chunks[place.chunk];
	memmove(chunk->items + place.item + 1, chunk->items + place.item,
		(chunk->len - place.item) * sizeof(chunk->items[0]));
	chunk->items[place.item] = *mapping;
	chunk->len++;
	mappings->len++;
	return 0;
}

static int remove_at(struct mappings *mappings, struct place place)
{
	struct mapping_table *table;
	struct mapping_chunk *chunk;
	int err = own_table(mappings);

	err = err ?: own_chunk(mappings->table, place.chunk);
	if (err)
		return err;
	table = mappings->table;
	chunk = table->chunks[place.chunk];
	chunk->len--;
	mappings->len--;
	if (chunk->len) {
		memmove(chunk->items + place.item, chunk->items + place.item + 1,
			(chunk->len - place.item) * sizeof(chunk->items[0]));
		return 0;
	}
	chunk_unref(chunk);
	table->len--;
	memmove(table->chunks + place.chunk, table->chunks + place.chunk + 1,
		(table->len - place.chunk) * sizeof(table->chunks[0]));
	return 0;
}

int mappings_remove(struct mappings *mappings, uint64_t start, uint64_t end)
{
	for (;;) {
		struct place place = place_of(mappings, start);
		const struct mapping *item = item_at(mappings, place);
		struct mapping left, right;
		int err;

		if (!item || item->start >= end)
			return 0;
		left = right = *item;
		left.end = start;
		right.start = end;
		right.file_offset += end - item->start;
		err = remove_at(mappings, place);
		if (!err && left.start < start)
			err = insert_at(mappings, place_of(mappings, left.start), &left);
		if (!err && right.end > end)
			err = insert_at(mappings, place_of(mappings, right.start), &right);
		if (err)
			return err;
	}
}

int mappings_insert(struct mappings *mappings, const struct mapping *mapping)
{
	int err;

	if (mapping->start >= mapping->end)
		return -EINVAL;
	if (mappings->len >= MAPPINGS_MAX)
		return -E2BIG;
	err = mappings_remove(mappings, mapping->start, mapping->end);
	return err ?: insert_at(mappings, place_of(mappings, mapping->start), mapping);
}

const struct mapping *mappings_next(const struct mappings *mappings, uint64_t address)
{
	struct place place = place_of(mappings, address);
	const struct mapping *item = item_at(mappings, place);

	if (!item || item->start >= address)
		return item;
	place.item++;
	if (place.item == mappings->table->chunks[place.chunk]->len)
		place = (struct place){ place.chunk + 1, 0 };
	return item_at(mappings, place);
}

const struct mapping *mappings_find(const struct mappings *mappings, uint64_t address)
{
	const struct mapping *item = item_at(mappings, place_of(mappings, address));

	return item && item->start <= address ? item : NULL;
}

#define KERNEL_HALF (1ull << 63) /* [vsyscall] is in no process' own memory */

uint64_t mappings_code_bytes(const struct mappings *mappings)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; mappings->table && i < mappings->table->len; i++) {
		const struct mapping_chunk *chunk = mappings->table->chunks[i];

		for (const struct mapping *at = chunk->items; at < chunk->items + chunk->len; at++)
			if (at->executable && !at->writable && at->kind != MAPPING_STACK &&
			    at->start < KERNEL_HALF)
				bytes += at->end - at->start;
	}
	return bytes;
}

void mappings_copy(struct mappings *copy, const struct mappings *mappings)
{
	assert(!copy->table);
	*copy = *mappings;
	if (copy->table)
		copy->table->refs++;
}

void mappings_clear(struct mappings *mappings)
{
	struct mapping_table *table = mappings->table;

	*mappings = (struct mappings){ 0 };
	if (!table || --table->refs)
		return;
	for (uint32_t i = 0; i < table->len; i++)
		chunk_unref(table->chunks[i]);
	free(table);
}
