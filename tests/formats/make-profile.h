/* SPDX-License-Identifier: MIT */
/* make-profile.h - builds profiles by hand, for tests: named already, the same in every run.
 *
 *     make_init(&make);
 *     task = make_task(&make, 100, 101, "worker");
 *     make_sample(&make, task, make_stack(&make, "main@app work@app ~tiny@app read@[kernel]"), ...);
 *
 * A stack is written root first, words apart by blanks: FUNCTION@MODULE; in front `~`: inlined into
 * the word before, `%`: JIT code, `?`: an address without a name, `!`: a mark without a module.  A
 * module in square brackets makes a kernel frame.  Anything that goes wrong ends the test program.
 */
#ifndef TESTS_MAKE_PROFILE_H
#define TESTS_MAKE_PROFILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/profile.h"

#define MAKE_STARTED_MONO_NS 5000000000ull
#define MAKE_STARTED_UNIX_NS 1753000000000000000ull

struct make {
	struct profile *profile;
	uint64_t address; /* of the next frame */
};

/* Ends the program where there is no memory: a test has no other answer. */
static inline void make_must(int err)
{
	if (err) {
		fprintf(stderr, "make-profile: %s\n", strerror(-err));
		abort();
	}
}

static inline uint32_t make_text(struct make *make, const char *text)
{
	uint32_t id;

	make_must(profile_add_text(make->profile, text, &id));
	return id;
}

static inline void make_init(struct make *make)
{
	*make = (struct make){ .address = 0x1000 };
	make_must(profile_new(&make->profile));
	make->profile->keep_moments = true;
	make->profile->rate_hz = 100;
	make->profile->cpus = 2;
	make->profile->started_mono_ns = MAKE_STARTED_MONO_NS;
	make->profile->started_unix_ns = MAKE_STARTED_UNIX_NS;
	make->profile->duration_ns = 10000000000ull;
	make_must(coverage_set_mode(&make->profile->coverage, "bpf, timer tick"));
}

static inline uint32_t make_task(struct make *make, uint32_t pid, uint32_t tid, const char *name)
{
	struct task task = { UINT32_MAX, tid, make_text(make, name) };
	uint32_t id;

	for (uint32_t i = 0; i < make->profile->processes.len; i++)
		if (make->profile->processes.data[i].pid == pid)
			task.process = i;
	if (task.process == UINT32_MAX)
		make_must(profile_add_process(
			make->profile, &(struct process){ pid, task.name, MAKE_STARTED_MONO_NS },
			&task.process));
	make_must(profile_add_task(make->profile, &task, &id));
	return id;
}

static inline uint32_t make_file(struct make *make, const char *path, const char *build_id)
{
	struct file file = { .path = make_text(make, path),
			     .build_id = make_text(make, build_id),
			     .inode = hash_bytes(path, strlen(path), 1) };
	uint32_t id;

	make_must(profile_add_file(make->profile, &file, &id));
	return id;
}

/* A name on top of what frame @first_name begins; 0 makes a new frame's first. */
static inline void make_name(struct make *make, const char *function, const char *module,
			     const char *source, uint32_t line, bool is_inlined, bool is_address)
{
	struct name name = { make_text(make, function),
			     make_text(make, module),
			     make_text(make, source),
			     line,
			     is_inlined,
			     is_address };

	make_must(vec_push(&make->profile->names, name));
}

/* A frame that the last `count` names belong to. */
static inline uint32_t make_frame(struct make *make, enum frame_kind kind, uint32_t origin,
				  uint32_t count, bool is_return_address)
{
	struct frame frame = { .address = kind == FRAME_KERNEL
						  ? 0xffffffff81000000ull + make->address
						  : make->address,
			       .origin = origin,
			       .kind = (uint8_t)kind,
			       .is_return_address = is_return_address,
			       .name_count = (uint16_t)count,
			       .first_name = (uint32_t)(make->profile->names.len - count) };
	uint32_t id;

	make->address += 0x10;
	make_must(profile_add_frame(make->profile, &frame, &id));
	return id;
}

static inline uint32_t make_push(struct make *make, uint32_t parent, uint32_t frame)
{
	uint32_t stack;

	make_must(profile_add_stack(make->profile, parent, frame, &stack));
	return stack;
}

/* The frame of a stack's child that has these names already, or UINT32_MAX. */
static inline uint32_t make_find(const struct make *make, uint32_t parent, const char *function,
				 const char *module)
{
	const struct profile *profile = make->profile;

	for (uint32_t i = (uint32_t)profile->stacks.len; i-- > 1;) {
		const struct frame *frame = &profile->frames.data[profile->stacks.data[i].frame];
		const struct name *name = &profile->names.data[frame->first_name];

		if (profile->stacks.data[i].parent == parent && frame->name_count == 1 &&
		    strcmp(profile_text(profile, name->function), function) == 0 &&
		    strcmp(profile_text(profile, name->module), module) == 0)
			return i;
	}
	return UINT32_MAX;
}

/* One word of make_stack(), and the inlined ones behind it. */
static inline uint32_t make_words(struct make *make, uint32_t parent, char *word, char **inlined,
				  uint32_t inlined_count)
{
	char *at = strrchr(word, '@'), *module = at ? at + 1 : (char *)"", *path = NULL;
	char sign = strchr("%?!", *word) ? *word++ : ' ';
	enum frame_kind kind = sign == '%' ? FRAME_JIT : sign == '!' ? FRAME_MARK : FRAME_USER;
	uint32_t origin = 0, known;
	char build_id[41];

	if (at)
		*at = '\0';
	known = inlined_count ? UINT32_MAX : make_find(make, parent, word, module);
	if (known != UINT32_MAX)
		return known;
	if (*module == '[' && kind == FRAME_USER)
		kind = FRAME_KERNEL;
	if (kind == FRAME_USER) {
		make_must(asprintf(&path, "/usr/lib/%s", module) < 0 ? -ENOMEM : 0);
		snprintf(build_id, sizeof(build_id), "%016llx0123456789abcdef01234567",
			 (unsigned long long)hash_bytes(path, strlen(path), 0));
		origin = make_file(make, path, build_id);
		free(path);
	}
	if (kind == FRAME_MARK)
		origin = make_text(make, word);
	make_name(make, word, module, kind == FRAME_USER && sign == ' ' ? "src/app.c" : "",
		  kind == FRAME_USER && sign == ' ' ? 10 : 0, false, sign == '?');
	for (uint32_t i = 0; i < inlined_count; i++) {
		at = strrchr(inlined[i], '@');
		if (at)
			*at = '\0';
		make_name(make, inlined[i] + 1, at ? at + 1 : "", "src/inline.h", 20 + i, true,
			  false);
	}
	return make_push(make, parent,
			 make_frame(make, kind, origin, 1 + inlined_count, parent != 0));
}

static inline uint32_t make_stack_on(struct make *make, uint32_t stack, const char *text)
{
	char *words[64], *copy = strdup(text), *save = NULL, *word;
	uint32_t count = 0;

	make_must(copy ? 0 : -ENOMEM);
	for (word = strtok_r(copy, " ", &save); word && count < 64;
	     word = strtok_r(NULL, " ", &save))
		words[count++] = word;
	for (uint32_t i = 0, last; i < count; i = last) {
		for (last = i + 1; last < count && words[last][0] == '~';)
			last++;
		stack = make_words(make, stack, words[i], words + i + 1, last - i - 1);
	}
	free(copy);
	return stack;
}

static inline uint32_t make_stack(struct make *make, const char *text)
{
	return make_stack_on(make, 0, text);
}

/* One sample at so many ms after the start. */
static inline void make_sample_at(struct make *make, uint32_t task, uint32_t stack, uint32_t cpu,
				  uint64_t at_ms, uint64_t weight_ns)
{
	struct moment moment = { .at_mono_ns = MAKE_STARTED_MONO_NS + at_ms * 1000000,
				 .weight_ns = weight_ns,
				 .task = task,
				 .stack = stack,
				 .cpu = cpu };

	for (; stack; stack = make->profile->stacks.data[stack].parent) {
		uint32_t frame = make->profile->stacks.data[stack].frame;

		if (make->profile->frames.data[frame].kind == FRAME_KERNEL)
			moment.kernel_frames++;
		else
			moment.user_frames++;
	}
	make_must(profile_add_moment(make->profile, &moment));
	if (make->profile->duration_ns <= at_ms * 1000000)
		make->profile->duration_ns = (at_ms + 1) * 1000000;
}

/* So many samples of 10 ms, one after the other, behind all that are there. */
static inline void make_samples(struct make *make, uint32_t task, uint32_t stack, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		make_sample_at(make, task, stack, (uint32_t)(make->profile->moments.len % 2),
			       10 + 10 * (uint64_t)(make->profile->moments.len / 2), 10000000);
}

#endif
