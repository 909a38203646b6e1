/* SPDX-License-Identifier: MIT */
/* writer.h - what the parts of the writing side share; for src/store alone. */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "model/redact.h"
#include "store/columns.h"
#include "store/incidents.h"
#include "store/interner.h"
#include "store/lives.h"
#include "store/profile_write.h"
#include "store/rollup_write.h"
#include "store/store.h"

/* One kind of record. */
struct store_kind {
	const struct schema *schema;
	struct columns columns;
	char table[COLUMNS_TABLE_BYTES];
	sqlite3_stmt *insert;
	uint64_t in_batch; /* rows of the open transaction */
	struct rollup_kind rollup;
};

/* What could not be kept, until it can be written. */
struct store_loss {
	char collector[32], event[48], why[96];
	uint64_t count;
	bool is_uncounted; /* nobody knows how many */
	uint64_t from_unix_ns, to_unix_ns;
};

struct store {
	struct store_options options;
	char *path;
	int lock;
	sqlite3 *database;
	vec(struct store_kind) kinds;
	size_t last_kind;
	struct interner interner;
	struct profile_writer profiles;
	struct lives lives;
	struct rollup_writer rollups;
	struct incidents incidents;
	struct redact *redact; /* of arguments */
	sqlite3_stmt *insert_loss, *insert_container, *note;
	char *text; /* RECORD_TEXT_BYTES, of one value */
	char *words;
	size_t words_len;
	FILE *words_out;
	uint64_t next_seq;
	uint64_t began_mono_ns, batch_rows; /* of the open transaction */
	bool is_open;                       /* it */
	bool is_full;                       /* the file system is */
	uint64_t looked_mono_ns;            /* at the space that is left */
	uint64_t oldest_seq;
	vec(struct store_loss) losses;
	struct store_state state;
};

/** writer_kind - whose rows are in "TABLE_row"; NULL */
const struct store_kind *writer_kind(const struct store *store, const char *table);

/** writer_bind - the values of one record to its kind's INSERT.  Return: 0; as database_fail() */
nodiscard int writer_bind(struct store *store, struct store_kind *kind,
			  const struct record_target *target, const struct record *record);

/** losses_add - count what could not be kept.  Return: 0; -ENOMEM */
nodiscard int losses_add(struct store *store, const struct store_loss *loss);

/** losses_add_one - a record.  Return: 0; -ENOMEM */
nodiscard int losses_add_one(struct store *store, const struct schema *schema, const char *why);

/** losses_add_slice - all of its samples and waits.  Return: 0; -ENOMEM */
nodiscard int losses_add_slice(struct store *store, const struct store_slice *slice,
			       const char *why);

/** losses_add_batch - the rows of the open transaction, which is gone.  Return: 0; -ENOMEM */
nodiscard int losses_add_batch(struct store *store);

/** losses_add_gap - if the last writer did not end in good order.  Return: as database_fail(); -ENOMEM */
nodiscard int losses_add_gap(struct store *store);

/** losses_write - as rows of the open transaction.  Return: 0; as database_fail() */
nodiscard int losses_write(struct store *store);

/** retention_slice - delete some of what is too old or too much; in its own transaction */
nodiscard int retention_slice(struct store *store);

#endif
