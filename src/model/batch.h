/* SPDX-License-Identifier: MIT */
/* batch.h - what one drain of the kernel's buffers brought: a plain message from collect/ to
 * session/, without pointers into either.
 *
 * Samples and events come from different buffers; session/ puts them into the order of time.  An
 * event that happened before a sample is in the same batch or an earlier one, because samples are
 * drained first.
 */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include <stdbool.h>

#include "base/vec.h"

#define COMM_BYTES 16 /* TASK_COMM_LEN of the kernel, closing NUL included */

struct sample {
	uint64_t at_mono_ns;
	uint64_t weight_ns; /* the time that the sample stands for */
	uint64_t key;       /* that later counts refer to; 0: none will come */
	uint32_t pid, tid, cpu;
	uint32_t first_user, first_kernel; /* in batch.frames, leaf first */
	uint16_t user_frames, kernel_frames;
	uint8_t reason;           /* enum block_reason: what the thread waited for; 0: it ran */
	uint64_t left_at_mono_ns; /* of a wait: when it began */
	uint32_t waker;           /* in batch.wakers, less 1; 0: not asked for, or not seen */
	uint64_t count;     /* of waits that are added up; 0: only a stack to learn from; else 1 */
	uint8_t user_stop;  /* enum stack_stop: why the user stack ends */
	uint32_t first_raw; /* STACK_STOP_RAW: the rest of it in batch.frames, enum unwind_raw */
	uint32_t raw_words;
	char comm[COMM_BYTES];
};

/* Repetitions of the sample that brought `key`. */
struct sample_count {
	uint64_t key;
	uint64_t samples;
	uint64_t weight_ns;
};

enum process_event_kind {
	PROCESS_FORK, /* pid, tid: the child; parent */
	PROCESS_EXEC, /* pid: all mappings are gone; comm */
	PROCESS_COMM, /* pid, tid: thread was renamed; comm */
	PROCESS_MAP,  /* pid: executable memory was mapped */
	PROCESS_EXIT, /* pid, tid */
};

struct process_event {
	uint64_t at_mono_ns;
	enum process_event_kind kind;
	uint32_t pid, tid, parent;
	uint64_t start, end;  /* addresses of the mapping, bytes */
	uint64_t file_offset; /* bytes into the file */
	uint64_t device;      /* major << 32 | minor */
	uint64_t inode, generation;
	bool writable;  /* the mapping */
	uint32_t text;  /* offset in batch.text: path or comm, closed by NUL */
	uint32_t order; /* among events of one instant */
};

struct batch_loss {
	const char *kind; /* constant text */
	uint64_t count;
};

struct batch {
	vec(struct sample) samples;
	vec(struct sample) wakers; /* whose stacks ended waits; reason: enum cpu_wakening */
	vec(uint64_t) frames;
	vec(struct sample_count) counts;
	vec(struct process_event) events;
	vec(char) text;
	vec(struct batch_loss) losses;
	bool lost_events; /* mappings may be missing: read them again from /proc */
};

static inline void batch_clear(struct batch *batch)
{
	batch->wakers.len = 0;
	batch->samples.len = batch->frames.len = batch->counts.len = 0;
	batch->events.len = batch->text.len = batch->losses.len = 0;
	batch->lost_events = false;
}

static inline void batch_done(struct batch *batch)
{
	vec_done(&batch->samples);
	vec_done(&batch->wakers);
	vec_done(&batch->frames);
	vec_done(&batch->counts);
	vec_done(&batch->events);
	vec_done(&batch->text);
	vec_done(&batch->losses);
}

#endif
