/* SPDX-License-Identifier: MIT */
/* incidents.h - keeps the table incident_whole: each incident once, made of the records of its beginning and
 * its end as they are written, with its profile beside it (model/incident.h).  For src/store alone.
 *
 * Those that go on when the program ends are cut: the next one says so.  Beyond max_incidents the oldest go.
 */
#ifndef STORE_INCIDENTS_H
#define STORE_INCIDENTS_H

#include "store/database.h"

struct store;
struct store_kind;

struct incidents {
	bool is_on; /* incidents are recorded */
	sqlite3_stmt *begin, *end, *trim, *trim_profiles, *add_profile;
};

/** incidents_open - all tables are there.  Return: 0; as database_fail(); -ENOMEM */
nodiscard int incidents_open(struct store *store);

/** incidents_take - a record of @kind has been written.  Return: 0; as database_fail() */
nodiscard int incidents_take(struct store *store, const struct store_kind *kind, uint64_t seq);

/** incidents_delete - those that were over before an instant.  Return: 0; as database_fail() */
nodiscard int incidents_delete(struct store *store, uint64_t before_unix_ns);

#endif
