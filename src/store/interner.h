/* SPDX-License-Identifier: MIT */
/* interner.h - texts as numbers of the table `string`, for the writer.
 *
 * Interning what is nearly always new costs 13 times the time and twice the space of not interning, so
 * texts of an unbounded vocabulary (arguments, paths) get a number from their second sight on: a table of
 * hashes remembers which texts were there lately.  Ceilings: INTERNER_MAX_TEXTS and _BYTES of texts known
 * without asking the database; beyond them all are forgotten and asked for again.
 *
 * string.seen_day: the last day on which a text was used, for retention.
 */
#ifndef STORE_INTERNER_H
#define STORE_INTERNER_H

#include "base/hash.h"
#include "base/vec.h"
#include "store/database.h"

#define INTERNER_MAX_TEXTS 16384
#define INTERNER_MAX_BYTES (2u << 20)
#define INTERNER_SIGHTS    65536

struct interner_text {
	uint32_t at, len; /* in `text` */
	int64_t id;
	uint32_t day;
};

struct interner {
	sqlite3_stmt *find, *add, *touch;
	vec(char) text;
	vec(struct interner_text) texts;
	struct index index;
	uint32_t *sights;
	uint32_t day; /* today, since 1970 */
};

nodiscard int interner_open(struct interner *interner, sqlite3 *database);
void interner_done(struct interner *interner);

/** interner_forget - what is known without asking: it was rolled back, or retention deleted it */
void interner_forget(struct interner *interner);

/** interner_id - the number of a text, entered when new.  Return: 0; as database_fail(); -ENOMEM */
nodiscard int interner_id(struct interner *interner, const char *text, size_t len, int64_t *ret_id);

/** interner_seen - whether a text was there before; remembers it.  May say yes too early, never no */
bool interner_seen(struct interner *interner, const char *text, size_t len);

#endif
