/* SPDX-License-Identifier: MIT */
#include "report/names.h"

int path_load(struct path *path, const struct profile *profile, uint32_t stack)
{
	uint32_t depth = profile_stack_depth(profile, stack);
	int err;

	path->frames.len = 0;
	err = vec_reserve(&path->frames, depth);
	if (err)
		return err;
	path->frames.len = depth;
	path->kernel = depth;
	for (; stack; stack = profile->stacks.data[stack].parent) {
		uint32_t frame = profile->stacks.data[stack].frame;

		path->frames.data[--depth] = frame;
		if (profile->frames.data[frame].kind == FRAME_KERNEL)
			path->kernel = depth;
	}
	return 0;
}
