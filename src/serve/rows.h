/* SPDX-License-Identifier: MIT */
/* rows.h - rows of the store as JSON: the keys of `kymo watch --json`, and beside each instant the time in
 * letters.
 *
 * A number that may be above 2^53, which JavaScript cannot hold, is a text of digits; the schema decides
 * which are.
 */
#ifndef SERVE_ROWS_H
#define SERVE_ROWS_H

#include "base/json.h"
#include "store/reader.h"

/** rows_put - the fields of a row into the object that is open */
void rows_put(struct json *json, struct store_row *row);

/** rows_is_large - whether numbers of this column are texts */
bool rows_is_large(const struct column *column);

/** rows_time - "2025-10-28T13:47:15.300424689Z" */
#define ROWS_TIME_BYTES 40
void rows_time(uint64_t unix_ns, char *text);

/** rows_put_instant - two keys: NAME_unix_ns, and NAME_time in letters */
void rows_put_instant(struct json *json, const char *name, uint64_t unix_ns);

/** rows_put_u64 - a number as a text of digits */
void rows_put_u64(struct json *json, const char *key, uint64_t number);

/** rows_put_lost - "lost": how many, or null where nobody knows */
void rows_put_lost(struct json *json, uint64_t count);

/** rows_put_loss - one loss, whose count nobody may know: null */
void rows_put_loss(struct json *json, const struct store_loss_row *loss);

#endif
