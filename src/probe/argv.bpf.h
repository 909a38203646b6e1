/* SPDX-License-Identifier: Dual MIT/GPL */
/* argv.bpf.h - the arguments of the current process, as they lie in its memory. */
#ifndef PROBE_ARGV_BPF_H
#define PROBE_ARGV_BPF_H

#include "probe/event.bpf.h"

#define ARGV_BYTES 4096 /* of all arguments together; what is longer is cut, and said */
#define ARGV_WORDS 1024 /* of a call that failed */
#define PAGE_SIZE  4096

/**
 * argv_put - append the arguments of the current process
 * @ret_bytes: how long they are as a whole; more than was put: they were cut
 *
 * They are read where they lie; what is not in memory reads as none.
 */
static __always_inline void argv_put(struct event_buffer *buffer, struct tail_words *words,
				     struct task_struct *task, u64 *ret_bytes)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	u64 start, end, len;
	u32 head;

	if (!mm)
		return;
	start = BPF_CORE_READ(mm, arg_start);
	end = BPF_CORE_READ(mm, arg_end);
	if (end <= start)
		return;
	*ret_bytes = len = end - start;
	if (len > ARGV_BYTES)
		len = ARGV_BYTES;
	if (!bpf_probe_read_user(event_place(buffer), len, (void *)start)) {
		event_took(buffer, &words->at, &words->bytes, len);
		return;
	}
	/* It is all or nothing: of two pages one may be there. */
	head = PAGE_SIZE - (start & (PAGE_SIZE - 1));
	if (head < len &&
	    !bpf_probe_read_user(event_place(buffer), head & (PAGE_SIZE - 1), (void *)start))
		event_took(buffer, &words->at, &words->bytes, head & (PAGE_SIZE - 1));
}

struct argv_walk {
	struct event_buffer *buffer;
	u64 from; /* address of the pointers */
	u32 begin;
	bool is_whole;
};

static long argv_put_next(u32 index, void *context)
{
	struct argv_walk *walk = context;
	struct event_buffer *buffer = walk->buffer;
	u32 room = ARGV_BYTES - (buffer->used - walk->begin);
	const char *word = NULL;
	long len;

	if (!room || room > ARGV_BYTES ||
	    bpf_probe_read_user(&word, sizeof(word), (void *)(walk->from + index * sizeof(word))))
		return 1;
	walk->is_whole = !word;
	if (!word)
		return 1;
	len = bpf_probe_read_user_str(event_place(buffer), room, word);
	if (len <= 0 || len > room)
		return 1;
	buffer->used += len;
	return len == room; /* perhaps cut */
}

/**
 * argv_put_pointers - append arguments as they are given to execve(): by an array of pointers
 *
 * What is not in memory cannot be read here.  Return: whether it is all of them.
 */
static __always_inline bool argv_put_pointers(struct event_buffer *buffer, struct tail_words *words,
					      u64 from)
{
	struct argv_walk walk = { buffer, from, buffer->used, !from };

	if (from)
		bpf_loop(ARGV_WORDS, argv_put_next, &walk, 0);
	words->at = walk.begin;
	words->bytes = buffer->used - walk.begin;
	return walk.is_whole;
}

#endif
