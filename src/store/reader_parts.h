/* SPDX-License-Identifier: MIT */
/* reader_parts.h - what the parts of the reading side share; for src/store alone. */
#ifndef STORE_READER_PARTS_H
#define STORE_READER_PARTS_H

#include "store/database.h"
#include "store/reader.h"

sqlite3 *reader_database(struct store_reader *reader);

/** reader_text - a string by its number; NULL where it is unknown; borrowed until the next call */
const char *reader_text(struct store_reader *reader, int64_t id);

/** reader_has_waits - whether the file has tables for them */
bool reader_has_waits(struct store_reader *reader);

/** reader_begin, reader_end - one transaction, which may take so long */
void reader_begin(struct store_reader *reader, uint64_t read_ns);
void reader_end(struct store_reader *reader);

#endif
