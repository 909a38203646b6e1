/* SPDX-License-Identifier: MIT */
#include "store/interner.h"

#include <errno.h>
#include <string.h>

struct wanted {
	const char *text;
	size_t len;
};

int interner_open(struct interner *interner, sqlite3 *database)
{
	int err = database_prepare(database, "SELECT id, seen_day FROM string WHERE text = ?",
				   &interner->find);

	err = err
		      ?: database_prepare(database,
					  "INSERT INTO string(text, seen_day) VALUES(?, ?)",
					  &interner->add);
	err = err
		      ?: database_prepare(database, "UPDATE string SET seen_day = ? WHERE id = ?",
					  &interner->touch);
	if (err)
		return err;
	interner->sights = calloc(INTERNER_SIGHTS, sizeof(*interner->sights));
	return interner->sights ? 0 : -ENOMEM;
}

void interner_done(struct interner *interner)
{
	vec_done(&interner->text);
	vec_done(&interner->texts);
	index_done(&interner->index);
	free(interner->sights);
}

void interner_forget(struct interner *interner)
{
	interner->text.len = interner->texts.len = 0;
	index_clear(&interner->index);
}

bool interner_seen(struct interner *interner, const char *text, size_t len)
{
	uint64_t hash = hash_bytes(text, len, 1);
	uint32_t *sight = &interner->sights[hash % INTERNER_SIGHTS], tag = (hash >> 32) | 1;

	if (*sight == tag)
		return true;
	*sight = tag;
	return false;
}

static bool text_same(const void *owner, uint32_t entry, const void *key)
{
	const struct interner *interner = owner;
	const struct interner_text *text = &interner->texts.data[entry];
	const struct wanted *wanted = key;

	return text->len == wanted->len &&
	       memcmp(interner->text.data + text->at, wanted->text, wanted->len) == 0;
}

static int touch(struct interner *interner, int64_t id)
{
	sqlite3_bind_int64(interner->touch, 1, interner->day);
	sqlite3_bind_int64(interner->touch, 2, id);
	return database_step(interner->touch);
}

/* In the database; entered there when new. */
static int ask(struct interner *interner, const struct wanted *wanted, int64_t *ret_id)
{
	sqlite3 *database = sqlite3_db_handle(interner->find);
	uint32_t day = interner->day;
	int code, err = 0;

	sqlite3_bind_text(interner->find, 1, wanted->text, (int)wanted->len, SQLITE_STATIC);
	code = sqlite3_step(interner->find);
	if (code == SQLITE_ROW) {
		*ret_id = sqlite3_column_int64(interner->find, 0);
		day = (uint32_t)sqlite3_column_int64(interner->find, 1);
	} else if (code != SQLITE_DONE) {
		err = database_fail(database, "read");
	}
	sqlite3_reset(interner->find);
	if (err || code == SQLITE_ROW)
		return err ?: day < interner->day ? touch(interner, *ret_id) : 0;
	sqlite3_bind_text(interner->add, 1, wanted->text, (int)wanted->len, SQLITE_STATIC);
	sqlite3_bind_int64(interner->add, 2, interner->day);
	err = database_step(interner->add);
	*ret_id = sqlite3_last_insert_rowid(database);
	return err;
}

static int remember(struct interner *interner, const struct wanted *wanted, uint64_t hash,
		    int64_t id)
{
	struct interner_text text = {
		.at = (uint32_t)interner->text.len,
		.len = (uint32_t)wanted->len,
		.id = id,
		.day = interner->day,
	};
	int err;

	if (interner->texts.len == INTERNER_MAX_TEXTS ||
	    interner->text.len + wanted->len > INTERNER_MAX_BYTES) {
		interner_forget(interner);
		text.at = 0;
	}
	err = vec_reserve(&interner->text, wanted->len);
	err = err ?: vec_reserve(&interner->texts, 1);
	err = err ?: index_add(&interner->index, hash, (uint32_t)interner->texts.len);
	if (err)
		return err;
	memcpy(interner->text.data + text.at, wanted->text, wanted->len);
	interner->text.len += wanted->len;
	interner->texts.data[interner->texts.len++] = text;
	return 0;
}

int interner_id(struct interner *interner, const char *text, size_t len, int64_t *ret_id)
{
	struct wanted wanted = { text, len };
	uint64_t hash = hash_bytes(text, len, 0);
	uint32_t entry = index_find(&interner->index, hash, text_same, interner, &wanted);
	struct interner_text *known;
	int err;

	if (entry == INDEX_NONE) {
		err = ask(interner, &wanted, ret_id);
		return err ?: remember(interner, &wanted, hash, *ret_id);
	}
	known = &interner->texts.data[entry];
	*ret_id = known->id;
	if (known->day == interner->day)
		return 0;
	known->day = interner->day;
	return touch(interner, known->id);
}
