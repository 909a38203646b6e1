/* SPDX-License-Identifier: MIT */
/* quality.h - how many user stacks are whole, and why the others are not.
 *
 * A stack is whole when the walk reached the first frame of its thread.  Where the walk does not
 * know that (frame pointers alone), nothing is counted: is_known stays false.
 */
#ifndef MODEL_QUALITY_H
#define MODEL_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

#define QUALITY_MAX_GAPS 4096u /* distinct (reason, file); further ones count for the first file */
#define QUALITY_WHOLE    UINT32_MAX

struct quality_gap {
	const char *reason; /* constant text, such as "no call frame information" */
	uint32_t file;      /* string: path of the file where the walk ended; 0: none */
	uint64_t stacks;
};

struct quality {
	bool is_known;
	uint64_t user_stacks; /* samples that have one */
	uint64_t whole;
	vec(struct quality_gap) gaps;
};

/** quality_gap - the number of a gap, entered if it is new.  Return: 0; -ENOMEM */
nodiscard int quality_gap(struct quality *quality, const char *reason, uint32_t file,
			  uint32_t *ret_gap);

/** quality_count - count samples; @gap: as quality_gap() gave it, or QUALITY_WHOLE */
void quality_count(struct quality *quality, uint32_t gap, uint64_t stacks);

/** quality_of - stacks that were cut for one reason, wherever they were */
uint64_t quality_of(const struct quality *quality, const char *reason);
void quality_done(struct quality *quality);

#endif
