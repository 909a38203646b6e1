/* SPDX-License-Identifier: MIT */
/* curves_rolled.h - curves from what was counted of the records by steps of time; for src/store alone. */
#ifndef STORE_CURVES_ROLLED_H
#define STORE_CURVES_ROLLED_H

#include "store/curves.h"

/** curves_read_rolled_runq - Return: 1 that is it; 0 the records have to be read; as curves_read_cpu() */
nodiscard int curves_read_rolled_runq(struct store_reader *reader,
				      const struct profile_query *query, enum curves_key key,
				      size_t most, struct curves *series);

#endif
