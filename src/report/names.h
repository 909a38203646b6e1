/* SPDX-License-Identifier: MIT */
/* names.h - a stack as the formats show it: frames root first, and what each is called. */
#ifndef REPORT_NAMES_H
#define REPORT_NAMES_H

#include "model/profile.h"

/* What stands where there is no name and no stack. */
#define UNKNOWN_NAME "[unknown]"

/**
 * names_of - what a frame is called, outermost function first
 * @spare: room for the one name of a frame that has none (a mark's is its own text)
 *
 * Return: how many names stand at *@ret_names, at least 1.
 */
static inline uint32_t names_of(const struct profile *profile, const struct frame *frame,
				struct name *spare, const struct name **ret_names)
{
	if (frame->name_count) {
		*ret_names = profile->names.data + frame->first_name;
		return frame->name_count;
	}
	*spare = (struct name){ .function = frame->kind == FRAME_MARK ? frame->origin : 0 };
	*ret_names = spare;
	return 1;
}

/** names_text - the text of a function's name; never empty */
static inline const char *names_text(const struct profile *profile, uint32_t function)
{
	const char *text = profile_text(profile, function);

	return *text ? text : UNKNOWN_NAME;
}

struct path {
	vec(uint32_t) frames; /* of profile.frames, root first */
	size_t kernel;        /* where the kernel's part begins; frames.len if it has none */
};

/**
 * path_load - the frames of a stack, into a path that may hold another one already
 *
 * The kernel's part begins at the first kernel frame; a mark before it belongs to the user's.
 * Return: 0; -ENOMEM.
 */
nodiscard int path_load(struct path *path, const struct profile *profile, uint32_t stack);

static inline void path_done(struct path *path)
{
	vec_done(&path->frames);
}

#endif
