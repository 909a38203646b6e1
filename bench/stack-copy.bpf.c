/* SPDX-License-Identifier: Dual MIT/GPL */
/* stack-copy.bpf.c - the user stack by bpf_get_stack() and by our chunked copy, side by side. */
#include "probe/kernel.h"

#include <bpf/bpf_helpers.h>

#include "probe/stack.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define SIDE_FRAMES 127 /* what bpf_get_stack() gives at most by default */

struct side {
	u64 frames[SIDE_FRAMES + 1];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct side);
} sides SEC(".maps");

const volatile u32 only_pid = 0;

u64 samples = 0, equal = 0, cut = 0, different = 0;
u64 frames_theirs = 0, frames_ours = 0;

static __always_inline u32 theirs(void *ctx)
{
	u32 zero = 0;
	struct side *side = bpf_map_lookup_elem(&sides, &zero);
	long bytes =
		side ? bpf_get_stack(ctx, side->frames, SIDE_FRAMES * sizeof(u64), BPF_F_USER_STACK)
		     : 0;

	return bytes > 0 ? (u32)bytes / sizeof(u64) : 0;
}

static __always_inline u32 ours(void)
{
	u32 zero = 0;
	struct user_walk *walk = bpf_map_lookup_elem(&user_walks, &zero);
	struct regs regs;

	if (!walk)
		return 0;
	walk->count = 0;
	walk->hash = 1;
	regs_of_task(&regs);
	walk_user(walk, &regs);
	return walk->count;
}

static __always_inline u32 last_stop(void)
{
	u32 zero = 0;
	struct user_walk *walk = bpf_map_lookup_elem(&user_walks, &zero);

	return walk ? walk->stop : STACK_STOP_NONE;
}

/* Whether the first frames are the same. */
__noinline int same_frames(u32 count)
{
	u32 zero = 0;
	struct side *side = bpf_map_lookup_elem(&sides, &zero);
	struct user_walk *walk = bpf_map_lookup_elem(&user_walks, &zero);

	for (u32 i = 0; side && walk && i < SIDE_FRAMES && i < count; i++)
		if (side->frames[i] != walk->frames[i])
			return 0;
	return 1;
}

static __always_inline int compare(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool ended;
	u32 a, b;

	if ((task->flags & PF_KTHREAD) || !task->mm || (only_pid && (u32)task->tgid != only_pid))
		return 0;
	a = theirs(ctx);
	b = ours();
	samples++;
	frames_theirs += a;
	frames_ours += b;
	if (b > SIDE_FRAMES)
		b = SIDE_FRAMES;
	/* Behind a return address of 0, or a frame pointer that leads downwards, bpf_get_stack() goes
	 * on: with 0 itself, or with words that are no return addresses.  We end there.
	 */
	ended = last_stop() == STACK_STOP_ROOT || last_stop() == STACK_STOP_BAD_FRAME;
	if (!same_frames(a < b ? a : b))
		different++;
	else if (a == b || (b < a && ended))
		equal++;
	else
		cut++;
	return 0;
}

SEC("raw_tp")
int hot_theirs(struct bpf_raw_tracepoint_args *ctx)
{
	frames_theirs += theirs(ctx);
	return 0;
}

SEC("raw_tp")
int hot_ours(struct bpf_raw_tracepoint_args *ctx)
{
	frames_ours += ours();
	return 0;
}

SEC("perf_event")
int cold_theirs(struct bpf_perf_event_data *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if ((u32)task->tgid == only_pid)
		frames_theirs += theirs(ctx);
	return 0;
}

SEC("perf_event")
int cold_ours(struct bpf_perf_event_data *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if ((u32)task->tgid == only_pid)
		frames_ours += ours();
	return 0;
}

SEC("perf_event")
int compare_both(struct bpf_perf_event_data *ctx)
{
	return compare(ctx);
}
