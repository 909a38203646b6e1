/* SPDX-License-Identifier: MIT */
/* lives.h - keeps the table of processes, one row for each (model/life.h), beside the records that tell of
 * them; for src/store alone.
 *
 * A row has the number of the first record of its process.  It is found by PID among those that are not over:
 * there is one at most.  What was not over when the writer began is over until it is told to be alive.
 */
#ifndef STORE_LIVES_H
#define STORE_LIVES_H

#include "store/database.h"

struct store;
struct store_kind;
struct store_life;

enum life_event {
	LIFE_FORK,
	LIFE_EXEC,
	LIFE_EXIT,
	LIFE_ALIVE,
	LIFE_EVENT_COUNT
};

/* Each takes the number of a record as its only parameter. */
struct lives {
	bool is_on;
	sqlite3_stmt
		*close[LIFE_EVENT_COUNT]; /* an older life of its PID, whose end was not seen */
	sqlite3_stmt *change[LIFE_EVENT_COUNT]; /* the life that it tells of */
	sqlite3_stmt *begin[LIFE_EVENT_COUNT];  /* which is new, or was not seen before */
	sqlite3_stmt *list;                     /* that are not over, by PID */
	sqlite3_stmt *end;                      /* one whose end was not seen */
};

/** lives_open - all tables are there.  Return: 0; as database_fail(); -ENOMEM */
nodiscard int lives_open(struct store *store);

/** lives_take - a record of @kind has been written.  Return: 0; as database_fail() */
nodiscard int lives_take(struct store *store, const struct store_kind *kind, uint64_t seq);

/** lives_list, lives_end - as store_lives() and store_end_life().  Return: 0; as database_fail() */
nodiscard int lives_list(struct store *store, uint32_t after_pid, struct store_life *lives,
			 size_t max, size_t *ret_count);
nodiscard int lives_end(struct store *store, uint64_t seq, uint64_t known_unix_ns);

/** lives_delete - those that ended before an instant.  Return: 0; as database_fail() */
nodiscard int lives_delete(struct store *store, uint64_t before_unix_ns);

#endif
