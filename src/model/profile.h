/* SPDX-License-Identifier: MIT */
/* profile.h - one profile: who ran, on which stacks, for how long; first as addresses, then with names.
 *
 *     text      strings       every text once
 *     files     struct file   what was mapped: identity and path
 *     processes, tasks        who ran: a task is one thread under one name
 *     frames    struct frame  distinct code addresses, independent of where a file was mapped
 *     stacks    struct stack  a tree of frames; a stack is the number of its leaf, 0 the empty one
 *     entries   struct entry  time and samples by (task, stack): the profile proper
 *     moments   struct moment every single sample, only where `keep_moments` is set
 *     names     struct name   what a frame is called, outermost first, filled by resolve/
 *
 * Everything refers by number, so nothing moves when an array grows.  A stack's parent always
 * has a smaller number than the stack itself, so one pass upwards or downwards visits the tree in
 * order.  Ceilings: PROFILE_MAX_*; what exceeds them is counted in `lost`.
 * Not thread-safe.
 */
#ifndef MODEL_PROFILE_H
#define MODEL_PROFILE_H

#include "base/strings.h"
#include "model/coverage.h"
#include "model/quality.h"

#define PROFILE_MAX_STACKS  (16u << 20) /* 16 B each, and 8 to 16 B of index */
#define PROFILE_MAX_ENTRIES (8u << 20)
#define PROFILE_MAX_MOMENTS (32u << 20)

enum frame_kind {
	FRAME_USER,    /* origin: file; address: byte offset into it */
	FRAME_KERNEL,  /* address: kernel virtual address */
	FRAME_JIT,     /* origin: process; address: in memory that no file backs */
	FRAME_UNKNOWN, /* origin: process; address: no mapping is known there */
	FRAME_MARK,    /* origin: string that says what stands here, in square brackets */
	FRAME_COUNT
};

struct file {
	uint32_t path;     /* string; as the process saw it, may end in " (deleted)" */
	uint32_t build_id; /* string, lower-case hex; "" until resolved or if it has none */
	uint64_t device;   /* major << 32 | minor, 0 if unknown */
	uint64_t inode;
	uint64_t generation; /* of the inode, tells a reused number apart; 0 if unknown */
	uint64_t
		text_offset; /* byte range of the code that was sampled, for the formats that list mappings */
	uint64_t text_end;
};

struct process {
	uint32_t pid;
	uint32_t name;            /* string: comm of the first task seen */
	uint64_t started_mono_ns; /* when first seen */
};

struct task {
	uint32_t process;
	uint32_t tid;
	uint32_t name; /* string: comm of the thread when sampled */
};

struct frame {
	uint64_t address;
	uint32_t origin;
	uint8_t kind;           /* enum frame_kind */
	bool is_return_address; /* the call is the instruction before `address` */
	uint16_t name_count;    /* 0 before resolve: names first_name .. + name_count - 1 */
	uint32_t first_name;
};

struct name {
	uint32_t function; /* string */
	uint32_t module;   /* string: base name of the file, "[kernel]", "[jit]"; "" if none */
	uint32_t source;   /* string: path of the source file, "" if unknown */
	uint32_t line;     /* 0 if unknown */
	bool is_inlined;   /* into the name before it */
	bool is_address;   /* no name was found; `function` reads [module+0x...] */
};

struct stack {
	uint32_t parent; /* a smaller number; of stack 0: 0 */
	uint32_t frame;
};

struct entry {
	uint32_t task;
	uint32_t stack;
	uint64_t samples;
	uint64_t weight_ns; /* the time that these samples stand for */
};

struct moment {
	uint64_t at_mono_ns;
	uint64_t weight_ns;
	uint32_t task;
	uint32_t stack;
	uint16_t kernel_frames;
	uint16_t user_frames;
	uint16_t cpu;
	uint8_t reason; /* enum block_reason; of a wait, at_mono_ns is its end */
};

/* What time the weights are. */
enum profile_time {
	PROFILE_RUNNING, /* on a CPU: a sample stands for some */
	PROFILE_WAITING, /* a sample is a wait, and as long */
	PROFILE_LIVING   /* both: the weights of a thread add up to its life */
};

struct profile {
	struct strings text;
	vec(struct file) files;
	vec(struct process) processes;
	vec(struct task) tasks;
	vec(struct frame) frames;
	vec(struct name) names;
	vec(struct stack) stacks;
	vec(struct entry) entries;
	vec(struct moment) moments;
	struct index file_index, task_index, frame_index, stack_index, entry_index;
	size_t appended; /* so many stacks, the last ones, are not in their index yet */
	struct coverage coverage;
	struct quality quality;
	bool keep_moments;
	enum profile_time time;

	uint32_t rate_hz;
	uint32_t cpus; /* sampled */
	uint64_t started_mono_ns;
	uint64_t started_unix_ns;
	uint64_t duration_ns;
	uint64_t samples; /* all that are in `entries` */
	uint64_t weight_ns;
};

nodiscard int profile_new(struct profile **ret_profile);
void profile_free(struct profile *profile);
own_define(struct profile, profile_free)

/* Each _add returns the number of an equal thing that is there already, else enters it.
 * Return: 0; -ENOMEM; -E2BIG at a ceiling.
 */
nodiscard int profile_add_text(struct profile *profile, const char *text, uint32_t *ret_id);
nodiscard int profile_add_file(struct profile *profile, const struct file *file, uint32_t *ret_id);
nodiscard int profile_add_task(struct profile *profile, const struct task *task, uint32_t *ret_id);
nodiscard int profile_add_frame(struct profile *profile, const struct frame *frame,
				uint32_t *ret_id);

/** profile_add_stack - the stack that `frame` makes on top of the stack `parent` */
nodiscard int profile_add_stack(struct profile *profile, uint32_t parent, uint32_t frame,
				uint32_t *ret_id);

/**
 * profile_append_stack - likewise one that is known to be new
 *
 * Nothing is looked for: whoever enters many of them keeps their order by himself.  They are found by
 * profile_add_stack(), too.
 */
nodiscard int profile_append_stack(struct profile *profile, uint32_t parent, uint32_t frame,
				   uint32_t *ret_id);

/** profile_add_process - always a new one: PIDs are used again, so the caller tells them apart */
nodiscard int profile_add_process(struct profile *profile, const struct process *process,
				  uint32_t *ret_id);

/** profile_count - add samples and their time to (task, stack) */
nodiscard int profile_count(struct profile *profile, uint32_t task, uint32_t stack,
			    uint64_t samples, uint64_t weight_ns);

/** profile_add_moment - keep one sample as it was; also counts it */
nodiscard int profile_add_moment(struct profile *profile, const struct moment *moment);

/** profile_text - a text by number; valid until the next profile_add_text() */
static inline const char *profile_text(const struct profile *profile, uint32_t id)
{
	return strings_get(&profile->text, id);
}

/** profile_stack_depth - number of frames of a stack */
uint32_t profile_stack_depth(const struct profile *profile, uint32_t stack);

#endif
