/* SPDX-License-Identifier: Dual MIT/GPL */
/* stack.bpf.h - the user stack of the current task, by frame pointers.
 *
 * Instead of two small reads a frame, the stack is copied in chunks into a window and followed
 * there: 0.3 times the cost of bpf_get_stack() at 33 frames (bench/stack-copy).  The window grows
 * upwards from the stack pointer while frames follow closely, and starts again at a frame that
 * lies further away.  Chunks end at page ends, so that only a page that is really needed must be
 * resident: nothing here may sleep.
 *
 *         base             base + filled        base + WINDOW_BYTES
 *          |  copied         |   not yet          |
 *          +-----------------+--------------------+
 */
#ifndef PROBE_STACK_BPF_H
#define PROBE_STACK_BPF_H

#include "probe/kernel.h"
#include "probe/regs.bpf.h"
#include "probe/stack.wire.h"
#include "probe/uprobes.bpf.h"

#include <bpf/bpf_helpers.h>

#define WINDOW_BYTES       16384 /* a power of two */
#define WINDOW_CHUNK_BYTES 1024  /* first try: cheap when the stack is shallow */
#define PAGE_BYTES         4096
#define WALK_STRIDE        8 /* frames per step of the loop */

#ifndef STACK_HEAD_BYTES
#define STACK_HEAD_BYTES 0
#endif

/* The state of a walk lives in a map, not on the BPF stack: the verifier does not follow values
 * in a map, so it checks one step of the loop instead of every way through all of them.
 */
struct user_walk {
	u64 base;
	u64 frame_pointer;
	u64 hash;
	u64 exec_id;    /* of the program that runs: grows with every execve() */
	u64 exec_vm;    /* pages of code that it maps */
	u64 trampoline; /* of return probes; 0: none is pending */
	u32 filled;     /* bytes of the window */
	u32 count;
	u32 stop; /* enum stack_stop */
	u32 pad;
	u8 head[STACK_HEAD_BYTES];    /* the caller's, so that a record is in one piece */
	u64 frames[STACK_USER_SLOTS]; /* leaf first */
	u64 more[STACK_KERNEL_SLOTS]; /* likewise: room behind the user frames */
};

struct window {
	u8 bytes[WINDOW_BYTES + PAGE_BYTES]; /* a last chunk may begin just below WINDOW_BYTES */
};

/* Two maps: a per-CPU value may not exceed 32 KB. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct user_walk);
} user_walks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct window);
} windows SEC(".maps");

struct walk_context {
	struct user_walk *walk;
	struct window *window;
};

static __always_inline u64 stack_hash(u64 hash, u64 word)
{
	hash = (hash ^ word) * 0xff51afd7ed558ccdull;
	return hash ^ (hash >> 32);
}

/* Appends user memory from base + filled up to the next multiple of @align.  false: unreadable. */
static __always_inline bool window_grow(struct user_walk *walk, struct window *window, u32 align)
{
	u32 filled = walk->filled;
	u64 from = walk->base + filled;
	u32 len = align - (from & (align - 1));
	u32 at = filled;

	if (filled >= WINDOW_BYTES)
		return false;
	/* On a way that cannot be taken, kernels before 6.8 make it a range without a number in it. */
	barrier_var(at);
	if (bpf_probe_read_user(window->bytes + (at & (WINDOW_BYTES - 1)),
				len & (2 * PAGE_BYTES - 1), (void *)from))
		return false;
	walk->filled = filled + len;
	return true;
}

/* Makes the 16 bytes of user memory at @at (a multiple of 8) part of the window. */
static __always_inline bool window_show(struct user_walk *walk, struct window *window, u64 at)
{
	u64 offset = at - walk->base;
	u32 align = PAGE_BYTES;

	/* Where the stack has just grown, the pages below the first frame may not be there yet. */
	if (offset + 16 > WINDOW_BYTES || offset > walk->filled + PAGE_BYTES ||
	    (!walk->filled && (at ^ walk->base) >= PAGE_BYTES)) {
		walk->base = at;
		walk->filled = 0;
		offset = 0;
	}
	if (!walk->filled)
		align = WINDOW_CHUNK_BYTES;
	if (!window_grow(walk, window, align))
		return false;
	/* The distance above rules out that more than two further pages are needed. */
	if (offset + 16 > walk->filled && !window_grow(walk, window, PAGE_BYTES))
		return false;
	if (offset + 16 > walk->filled && !window_grow(walk, window, PAGE_BYTES))
		return false;
	return offset + 16 <= walk->filled;
}

/* Copies @count kernel frames, fewer than STACK_KERNEL_SLOTS, behind @user frames. */
static __always_inline void walk_append(struct user_walk *walk, u32 user, const u64 *frames,
					u32 count)
{
	barrier_var(count); /* verifiers before 6.8 forget what was checked of it */
	bpf_probe_read_kernel(&walk->frames[user & (STACK_USER_SLOTS - 1)],
			      (count & (STACK_KERNEL_SLOTS - 1)) * sizeof(u64), frames);
}

static __always_inline void walk_push(struct user_walk *walk, u64 address)
{
	u32 count = walk->count;

	walk->frames[count & (STACK_USER_SLOTS - 1)] = address;
	walk->hash = stack_hash(walk->hash, address);
	walk->count = count + 1;
}

/* One frame whose return address is that of the trampoline.  Return: whether the walk is over */
static __always_inline int walk_replaced(struct user_walk *walk, u64 next)
{
	u64 fp = walk->frame_pointer;

	walk_push(walk, uprobes_mend_ip(walk->trampoline, walk->trampoline, fp + 16));
	walk->frame_pointer = next;
	walk->stop = next > fp ? STACK_STOP_NONE : next ? STACK_STOP_BAD_FRAME : STACK_STOP_ROOT;
	return next <= fp;
}

/* Up to WALK_STRIDE frames while they lie in the window: the two words at a frame pointer are the
 * caller's frame pointer and the return address.  Then the next part of the stack.
 */
static int walk_step(u32 index, struct walk_context *context)
{
	struct window *window = context->window;
	struct user_walk *walk = context->walk;
	u64 base, fp, hash, trampoline, address = 0, next = 0;
	u32 filled, count, stop = STACK_STOP_NONE;
	bool is_replaced = false;

	if (!window || !walk)
		return 1;
	base = walk->base;
	fp = walk->frame_pointer;
	hash = walk->hash;
	filled = walk->filled;
	count = walk->count;
	trampoline = walk->trampoline;
	if (count > STACK_MAX_USER - WALK_STRIDE) {
		walk->stop = STACK_STOP_DEPTH;
		return 1;
	}
#pragma unroll
	for (int i = 0; i < WALK_STRIDE; i++) {
		u64 offset = fp - base;

		if (offset + 16 > filled || offset >= WINDOW_BYTES || (fp & 7))
			break;
		next = *(u64 *)(window->bytes + (offset & (WINDOW_BYTES - 8)));
		address = *(u64 *)(window->bytes + (offset & (WINDOW_BYTES - 8)) + 8);
		if (!address) {
			stop = STACK_STOP_ROOT;
			break;
		}
		if (address == trampoline) { /* never 0 */
			is_replaced = true;
			break;
		}
		walk->frames[count & (STACK_USER_SLOTS - 1)] = address;
		hash = stack_hash(hash, address);
		count++;
		if (next <= fp) {
			stop = next ? STACK_STOP_BAD_FRAME : STACK_STOP_ROOT;
			break;
		}
		fp = next;
	}
	walk->hash = hash;
	walk->count = count;
	walk->frame_pointer = fp;
	if (is_replaced)
		return walk_replaced(walk, next);
	/* What lies above the window may be filled, but is not looked at: see struct window. */
	if (!stop && (fp - base + 16 > filled || fp - base >= WINDOW_BYTES)) {
		if (!fp)
			stop = STACK_STOP_ROOT;
		else if (fp & 7)
			stop = STACK_STOP_BAD_FRAME;
		else if (!window_show(walk, window, fp))
			stop = STACK_STOP_FAULT;
	} else if (fp & 7) {
		stop = STACK_STOP_BAD_FRAME;
	}
	walk->stop = stop;
	return stop != STACK_STOP_NONE;
}

/* Walks from the given registers; on return `count` frames lie in walk->frames, leaf first. */
static __always_inline void walk_user(struct user_walk *walk, const struct regs *from)
{
	struct walk_context context = { .walk = walk };
	u32 zero = 0;

	walk_push(walk, from->ip);
	if (from->is_compat) {
		walk->stop = STACK_STOP_COMPAT;
		return;
	}
	context.window = bpf_map_lookup_elem(&windows, &zero);
	walk->base = from->sp & ~7ull;
	walk->filled = 0;
	walk->frame_pointer = from->fp;
	bpf_loop(STACK_MAX_USER, walk_step, &context, 0);
}

#endif
