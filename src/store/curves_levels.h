/* SPDX-License-Identifier: MIT */
/* curves_levels.h - which steps of a curve are added up from which lengths of rollup.h, and of which nothing
 * is known any more; for src/store alone.
 *
 *     steps of the curve   | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
 *                            ?   ?  ├ an hour ┤├─ 10 s ────┤
 *
 * Shorter steps are deleted before longer ones: where they are gone, the next longer ones stand for them if
 * a step of the curve is as long.
 */
#ifndef STORE_CURVES_LEVELS_H
#define STORE_CURVES_LEVELS_H

#include "store/curves.h"
#include "store/rollup.h"

struct curves_piece {
	uint32_t level_s;
	size_t first, end; /* steps of the curve, the end not among them */
};

struct curves_levels {
	struct curves_piece pieces[ROLLUP_LEVELS]; /* the newest first */
	size_t count;
	size_t first;     /* what lies before is in the records alone, if anywhere */
	uint64_t since_s; /* from when on all was counted; UINT64_MAX: never */
};

/** curves_levels_choose - Return: 0; -ETIME; -errno with fail() said */
nodiscard int curves_levels_choose(struct store_reader *reader, const struct curves *series,
				   struct curves_levels *ret_levels);

/**
 * curves_levels_cover - set `covered_ns`: the steps from `first` on, and those that do not lie before the records
 * @oldest_unix_ns: of the records that were read for the steps before `first`; UINT64_MAX: there are none
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int curves_levels_cover(struct curves *series, size_t first, uint64_t oldest_unix_ns);

/** curves_levels_oldest - when the oldest row of a table is of; UINT64_MAX: it has none.  As curves_levels_choose() */
nodiscard int curves_levels_oldest(struct store_reader *reader, const char *table,
				   const char *column, uint64_t *ret_unix_ns);

#endif
