/* SPDX-License-Identifier: MIT */
/* file.test.h - the file that a test keeps its store in, and what stands there beside the store's own ways; for tests. */
#ifndef STORE_FILE_TEST_H
#define STORE_FILE_TEST_H

#include "base/test.h"

#include "base/error.h"
#include "store/database.h"

static char path[256];

/* Also what a test leaves behind. */
static inline int file_remove(void **state)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-lock" };

	(void)state;
	for (size_t i = 0; i < array_len(endings); i++) {
		char name[300];

		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		unlink(name);
	}
	return 0;
}

/* A test begins without a file, and without an error. */
static inline void file_begin(const char *word)
{
	snprintf(path, sizeof(path), "%s/%s-%d.db", getenv("TMPDIR") ?: "/tmp", word,
		 (int)getpid());
	file_remove(NULL);
	error_clear();
}

static inline int64_t number(const char *sql)
{
	sqlite3 *database = NULL;
	int64_t number = -1;

	assert_int_equal(database_open(path, false, &database), 0);
	assert_int_equal(database_number(database, sql, &number), 0);
	database_close(database);
	return number;
}

/* Groups have no names here. */
static inline const char *no_path(void *context, uint64_t id)
{
	(void)context;
	(void)id;
	return NULL;
}

#endif
