/* SPDX-License-Identifier: MIT */
/* records.h - records on their way from collect/ to whoever writes them: a plain message. */
#ifndef MODEL_RECORDS_H
#define MODEL_RECORDS_H

#include "model/schema.h"

/* Records that found no room, noticed between two instants. */
struct record_loss {
	const char *collector;
	const char *event; /* or a table; "any": nobody knows what they would have been */
	const char *why;
	uint64_t count;
	uint64_t from_mono_ns, to_mono_ns;
};

struct record_entry {
	uint64_t at_mono_ns;
	const struct schema *schema;
	uint32_t offset, len; /* in `bytes` */
};

/* In the order of time. */
struct records_batch {
	vec(uint8_t) bytes;
	vec(struct record_entry) entries;
	vec(struct record_loss) losses;
	uint64_t unix_offset_ns; /* what to add to a monotonic instant */
};

static inline struct record records_at(const struct records_batch *batch, size_t index)
{
	const struct record_entry *entry = &batch->entries.data[index];

	return (struct record){ entry->schema, batch->bytes.data + entry->offset, entry->len };
}

static inline void records_batch_done(struct records_batch *batch)
{
	vec_done(&batch->bytes);
	vec_done(&batch->entries);
	vec_done(&batch->losses);
}

#endif
