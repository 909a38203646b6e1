/* SPDX-License-Identifier: MIT */
/* profile_write.h - the part of the writer that keeps profiles; for src/store alone. */
#ifndef STORE_PROFILE_WRITE_H
#define STORE_PROFILE_WRITE_H

#include "store/database.h"
#include "store/pack.h"

struct store;
struct store_slice;
struct profile;

struct profile_writer {
	sqlite3_stmt *find_frame, *add_frame, *find_stack, *add_stack, *find_task, *add_task;
	sqlite3_stmt *add_profile, *add_waits, *add_wait, *add_sample, *cool;
	vec(int64_t) frames, stacks,
		tasks; /* their numbers in the store, by those in the profile; 0:
					     * not asked for yet */
	vec(struct pack_entry) entries;
	vec(uint32_t) chain;
	vec(char) text;
	struct pack pack;
};

nodiscard int profile_writer_open(struct profile_writer *writer, sqlite3 *database);
void profile_writer_done(struct profile_writer *writer);

/** profile_writer_forget - the profile has other numbers now, or a transaction was rolled back */
void profile_writer_forget(struct profile_writer *writer);

/** profile_write - into the open transaction.  Return: 0; as database_fail(); -ENOMEM */
nodiscard int profile_write(struct store *store, const struct store_slice *slice);

/** profile_write_incident - the profile of an incident (incidents.h), likewise */
nodiscard int profile_write_incident(struct store *store, uint64_t incident,
				     const struct profile *profile);

#endif
