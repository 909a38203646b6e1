/* SPDX-License-Identifier: MIT */
/* table.h - reads a table of a collector and tells what was added since the last time. */
#ifndef COLLECT_TABLE_H
#define COLLECT_TABLE_H

#include "collect/object.h"

#define TABLE_ROWS_MAX 65536 /* of one table */

struct table;

/**
 * table_new - a table of a loaded object
 * @map: a hash map or an array, of one value a key or of one for each CPU; borrowed
 *
 * Return: 0; -ENOMEM; -errno with fail() said.
 */
nodiscard int table_new(const struct object_table *object, int map, struct table **ret_table);

/**
 * table_read - take all rows
 * @at_mono_ns: the instant that the rows get
 *
 * Rows of a hash map are forgotten here and in the kernel when nothing was added to them TABLE_IDLE
 * times; TABLE_IDLE_CROWDED times where a quarter of the map is in use.
 * Return: 0; -ENOMEM; -errno with fail() said.
 */
#define TABLE_IDLE         60
#define TABLE_IDLE_CROWDED 2
nodiscard int table_read(struct table *table, uint64_t at_mono_ns);

/** table_next - the next row to which something was added; false behind the last */
bool table_next(struct table *table, struct record *ret_record);
void table_free(struct table *table);

#endif
