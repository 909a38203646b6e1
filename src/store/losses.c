/* SPDX-License-Identifier: MIT */
/* losses.c - what could not be kept: counted until it can be written as rows of `loss`. */
#include <string.h>

#include "base/clock.h"
#include "store/writer.h"

int losses_add(struct store *store, const struct store_loss *loss)
{
	store->state.lost += loss->count;
	vec_each(have, &store->losses)
		if (strcmp(have->collector, loss->collector) == 0 &&
		    strcmp(have->event, loss->event) == 0 && strcmp(have->why, loss->why) == 0) {
			have->count += loss->count;
			have->to_unix_ns = loss->to_unix_ns;
			return 0;
		}
	return store->losses.len < STORE_MAX_PENDING ? vec_push(&store->losses, *loss) : 0;
}

/* Where the last writer did not end in good order, its last transaction may be missing. */
int losses_add_gap(struct store *store)
{
	struct store_loss loss = {
		.collector = "kymo",
		.event = "any",
		.why = "kymo ended without closing the store",
		.is_uncounted = true,
		.to_unix_ns = clock_unix_ns(),
	};
	int64_t is_open, at;
	int err = database_number(store->database, "SELECT value FROM meta WHERE key = 'is_open'",
				  &is_open);

	err = err
		      ?: database_number(store->database,
					 "SELECT value FROM meta WHERE key = 'committed_unix_ns'",
					 &at);
	loss.from_unix_ns = (uint64_t)at;
	return !err && is_open ? losses_add(store, &loss) : err;
}

int losses_add_batch(struct store *store)
{
	uint64_t now = clock_unix_ns();
	int err = 0;

	vec_each(kind, &store->kinds) {
		struct store_loss loss = {
			.why = "not written to the store",
			.count = kind->in_batch,
			.from_unix_ns = now - store->options.commit_ns,
			.to_unix_ns = now,
		};

		if (!kind->in_batch || err)
			continue;
		snprintf(loss.collector, sizeof(loss.collector), "%s", kind->schema->collector);
		snprintf(loss.event, sizeof(loss.event), "%s", kind->schema->event);
		err = losses_add(store, &loss);
		store->state.rows -= kind->in_batch;
		kind->in_batch = 0;
	}
	return err;
}

int losses_write(struct store *store)
{
	int err = 0;

	vec_each(loss, &store->losses) {
		sqlite3_stmt *insert = store->insert_loss;

		sqlite3_bind_int64(insert, 1, (int64_t)store->next_seq);
		sqlite3_bind_text(insert, 2, loss->collector, -1, SQLITE_STATIC);
		sqlite3_bind_text(insert, 3, loss->event, -1, SQLITE_STATIC);
		sqlite3_bind_text(insert, 4, loss->why, -1, SQLITE_STATIC);
		if (loss->is_uncounted)
			sqlite3_bind_null(insert, 5);
		else
			sqlite3_bind_int64(insert, 5, (int64_t)loss->count);
		sqlite3_bind_int64(insert, 6, (int64_t)loss->from_unix_ns);
		sqlite3_bind_int64(insert, 7, (int64_t)loss->to_unix_ns);
		err = err ?: database_step(insert);
		store->next_seq++;
	}
	return err;
}

int losses_add_one(struct store *store, const struct schema *schema, const char *why)
{
	struct store_loss loss = { .count = 1, .from_unix_ns = clock_unix_ns() };

	loss.to_unix_ns = loss.from_unix_ns;
	snprintf(loss.collector, sizeof(loss.collector), "%s", schema->collector);
	snprintf(loss.event, sizeof(loss.event), "%s", schema->event);
	snprintf(loss.why, sizeof(loss.why), "%s", why);
	return losses_add(store, &loss);
}

int losses_add_slice(struct store *store, const struct store_slice *slice, const char *why)
{
	struct store_loss loss = {
		.count = slice->profile->samples + slice->wait_count + slice->lost,
		.from_unix_ns = slice->from_unix_ns,
		.to_unix_ns = slice->to_unix_ns,
	};

	strcpy(loss.collector, slice->kind == STORE_WAITS ? "waits" : "profile");
	strcpy(loss.event, slice->kind == STORE_WAITS ? "wait" : "sample");
	snprintf(loss.why, sizeof(loss.why), "%s", why);
	return losses_add(store, &loss);
}
