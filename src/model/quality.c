/* SPDX-License-Identifier: MIT */
#include "model/quality.h"

#include <string.h>

int quality_gap(struct quality *quality, const char *reason, uint32_t file, uint32_t *ret_gap)
{
	if (quality->gaps.len >= QUALITY_MAX_GAPS)
		file = 0;
	for (uint32_t i = 0; i < quality->gaps.len; i++) {
		const struct quality_gap *gap = &quality->gaps.data[i];

		if (gap->file == file && strcmp(gap->reason, reason) == 0) {
			*ret_gap = i;
			return 0;
		}
	}
	*ret_gap = (uint32_t)quality->gaps.len;
	return vec_push(&quality->gaps, { .reason = reason, .file = file });
}

void quality_count(struct quality *quality, uint32_t gap, uint64_t stacks)
{
	quality->is_known = true;
	quality->user_stacks += stacks;
	if (gap == QUALITY_WHOLE)
		quality->whole += stacks;
	else
		quality->gaps.data[gap].stacks += stacks;
}

void quality_done(struct quality *quality)
{
	vec_done(&quality->gaps);
}

uint64_t quality_of(const struct quality *quality, const char *reason)
{
	uint64_t stacks = 0;

	vec_each(gap, &quality->gaps)
		if (strcmp(gap->reason, reason) == 0)
			stacks += gap->stacks;
	return stacks;
}
