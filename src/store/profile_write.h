/* SPDX-License-Identifier: MIT */
/* profile_write.h - the part of the writer that keeps profiles; for src/store alone. */
#ifndef STORE_PROFILE_WRITE_H
#define STORE_PROFILE_WRITE_H

#include "store/database.h"
#include "store/pack.h"

#define PROFILE_STEP_NS 10000000ull

struct store;
struct store_slice;
struct profile;

/* Numbers in the store, by those in a profile; 0: not asked for yet. */
struct profile_ids {
	vec(int64_t) frames, stacks, tasks;
};

/* The profile of an incident on its way into the store. */
struct profile_incident {
	uint64_t number; /* of the incident; 0: none is on its way */
	size_t at;       /* so many of its entries are gathered */
	struct profile_ids ids;
	vec(struct pack_entry) entries;
};

struct profile_writer {
	sqlite3_stmt *find_frame, *add_frame, *find_stack, *add_stack, *find_task, *add_task;
	sqlite3_stmt *add_profile, *add_waits, *add_wait, *add_sample, *cool;
	struct profile_ids slices;
	struct profile_ids *ids; /* those that are in use */
	struct profile_incident incident;
	vec(struct pack_entry) entries;
	vec(uint32_t) chain;
	vec(char) text;
	struct pack pack;
};

nodiscard int profile_writer_open(struct profile_writer *writer, sqlite3 *database);
void profile_writer_done(struct profile_writer *writer);

/** profile_writer_renumber - the profile of the slices has other numbers now */
void profile_writer_renumber(struct profile_writer *writer);

/** profile_writer_forget - a transaction was rolled back: the profile of an incident begins again, too */
void profile_writer_forget(struct profile_writer *writer);

/** profile_write - into the open transaction.  Return: 0; as database_fail(); -ENOMEM */
nodiscard int profile_write(struct store *store, const struct store_slice *slice);

/**
 * profile_write_incident - the profile of an incident (incidents.h), likewise, as much of it as takes
 * PROFILE_STEP_NS
 *
 * Return: 0 it is there; 1 there is more: call again with the same; as database_fail(); -ENOMEM.
 */
nodiscard int profile_write_incident(struct store *store, uint64_t incident,
				     const struct profile *profile);

/** profile_drop_incident - what of it is on its way is forgotten */
void profile_drop_incident(struct profile_writer *writer);

#endif
