/* SPDX-License-Identifier: Dual MIT/GPL */
/* cpu.bpf.h - what samples and waits are made of: stacks, records, the way to user space. */
#ifndef COLLECT_CPU_BPF_H
#define COLLECT_CPU_BPF_H

#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "collect/cpu/cpu.wire.h"
#include "probe/emit.bpf.h"
#include "probe/regs.bpf.h"
#include "probe/target.bpf.h"

#define STACK_HEAD_BYTES sizeof(struct cpu_sample)
#define RAW_HEAD_BYTES   sizeof(struct cpu_raw)
#include "probe/stack.bpf.h"
#include "probe/unwind.bpf.h"

TARGET_CONSTANT struct cpu_options options = {};

u64 woken_at = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cpu_statistics);
} statistics SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 * 1024);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC: 16,384 elements take milliseconds to lay out */
	__uint(max_entries, CPU_COUNTS_MAX);
	__type(key, u64);
	__type(value, struct cpu_count);
} counts SEC(".maps");

struct kernel_stack {
	u64 frames[STACK_KERNEL_SLOTS * 2]; /* twice, so that a part may begin anywhere */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kernel_stack);
} kernel_stacks SEC(".maps");

#define INTERRUPT_FRAMES \
	32 /* at most; from the tracepoint to the interrupt's entry there are some 15 */

/* How many frames lie above @kernel_ip: inside the tick, those of the interrupt itself.  Global, so that
 * the verifier looks at it once.
 */
__noinline u32 count_interrupt_frames(u64 kernel_ip)
{
	u32 zero = 0;
	struct kernel_stack *kernel = bpf_map_lookup_elem(&kernel_stacks, &zero);

	for (u32 i = 0; kernel && i < INTERRUPT_FRAMES; i++)
		if (kernel->frames[i] == kernel_ip)
			return i;
	return 0;
}

struct hash_context {
	struct kernel_stack *kernel;
	u64 hash;
	u32 first;
};

static int hash_step(u32 index, struct hash_context *context)
{
	u32 i = context->first + index;

	if (!context->kernel || i >= STACK_MAX_KERNEL)
		return 1;
	context->hash = stack_hash(context->hash, context->kernel->frames[i]);
	return 0;
}

__noinline u64 hash_kernel_frames(u64 hash, u32 first, u32 end)
{
	struct hash_context context = { .hash = hash, .first = first };
	u32 zero = 0;

	context.kernel = bpf_map_lookup_elem(&kernel_stacks, &zero);
	if (end > first)
		bpf_loop(end - first, hash_step, &context, 0);
	return context.hash;
}

/* Counts a repetition of a stack that has gone through the ring already.  false: send it whole. */
static __always_inline bool count_again(u64 key, u64 weight)
{
	struct cpu_count *count = bpf_map_lookup_elem(&counts, &key);

	if (!count)
		return false;
	__sync_fetch_and_add(&count->samples, 1);
	__sync_fetch_and_add(&count->weight, weight);
	return true;
}

/* The rest of a stack that user space must walk; the sample itself comes next. */
static __always_inline void send_raw(struct cpu_sample *sample, const struct user_walk *walk)
{
	u32 zero = 0, words;
	struct unwind_place *place = bpf_map_lookup_elem(&unwind_places, &zero);
	struct unwind_raws *raw = bpf_map_lookup_elem(&unwind_raws, &zero);
	struct cpu_raw *head;

	if (!place || !raw)
		return;
	head = (void *)raw->head;
	head->none = 0;
	head->at = sample->at;
	head->cpu = sample->cpu;
	words = unwind_copy_raw(raw, place, walk->trampoline);
	if (words > UNWIND_RAW_WORDS)
		return;
	head->words = words;
	if (!bpf_ringbuf_output(&samples, raw, sizeof(*head) + words * sizeof(u64),
				BPF_RB_NO_WAKEUP))
		sample->user_stop = STACK_STOP_RAW;
}

/* Whoever waits for a sample with a raw stack is woken: the sooner the tables come, the fewer samples
 * need one.
 */
static __always_inline u64 sample_flags(const struct cpu_sample *sample)
{
	u64 flags = emit_flags(&samples, &woken_at);

	return sample->user_stop == STACK_STOP_RAW ? BPF_RB_FORCE_WAKEUP : flags;
}

static __always_inline void send(struct cpu_sample *sample, struct cpu_statistics *stats)
{
	u32 frames = (u32)sample->kernel_frames + sample->user_frames;
	u64 key = sample->key;

	if (frames > STACK_MAX_KERNEL + STACK_MAX_USER)
		return;
	if (bpf_ringbuf_output(&samples, sample, sizeof(*sample) + frames * sizeof(u64),
			       sample_flags(sample))) {
		stats->lost++;
		return;
	}
	if (key) {
		struct cpu_count none = {};

		if (bpf_map_update_elem(&counts, &key, &none, BPF_NOEXIST))
			stats->counts_full++;
	}
}

/* What makes a sample the same as an earlier one: thread, program, mapped code, name and stack. */
static __always_inline u64 sample_key(const struct cpu_sample *sample, const struct user_walk *walk)
{
	u64 hash = walk->hash;

	hash = stack_hash(hash, (u64)sample->pid << 32 | sample->tid);
	hash = stack_hash(hash, walk->exec_id);
	hash = stack_hash(hash, walk->exec_vm);
	hash = stack_hash(hash, *(u64 *)sample->comm);
	hash = stack_hash(hash, *(u64 *)(sample->comm + 8));
	return hash | 1;
}

/* One half of the ring is for samples alone. */
static __always_inline bool has_room_for_raw(void)
{
	return bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) <
	       bpf_ringbuf_query(&samples, BPF_RB_RING_SIZE) / 2;
}

/* Return: whether ip is a return address. */
static __always_inline bool mend_probed(struct user_walk *walk, struct regs *regs,
					enum uprobes_whom whom)
{
	struct uprobe_returns *returns = uprobes_returns();
	bool is_return;

	if (!returns)
		return false;
	returns->ip = regs->ip;
	returns->sp = regs->sp;
	is_return = uprobes_mend_current(whom);
	regs->ip = returns->ip;
	regs->sp = returns->sp;
	walk->trampoline = returns->trampoline;
	return is_return;
}

/* Between two programs: the registers are of the one, the memory is of the other, and on the way back to
 * user mode the stack is that of neither.
 */
static __always_inline bool is_in_execve(struct task_struct *task)
{
	return bpf_core_field_exists(task->in_execve) && BPF_CORE_READ_BITFIELD(task, in_execve);
}

static __always_inline void capture_user(struct user_walk *walk, enum uprobes_whom whom)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool is_return = false;
	struct mm_struct *mm;
	struct regs regs;

	walk->count = 0;
	walk->hash = options.seed;
	walk->stop = STACK_STOP_NONE;
	walk->exec_id = task->self_exec_id;
	walk->exec_vm = walk->trampoline = 0;
	if (!options.want_user || (task->flags & PF_KTHREAD))
		return;
	/* Read, not followed: the verifier takes long over a pointer that leads to another. */
	mm = BPF_CORE_READ(task, mm);
	if (!mm)
		return;
	walk->exec_vm = BPF_CORE_READ(mm, exec_vm);
	if (is_in_execve(task))
		return;
	regs_of_task(&regs);
	if (uprobes_is_probed(task))
		is_return = mend_probed(walk, &regs, whom);
	if (options.unwind) {
		unwind_user(walk, &regs, is_return, bpf_get_current_pid_tgid() >> 32);
		if (walk->stop == STACK_STOP_NO_TABLE && !has_room_for_raw())
			unwind_on_by_fp();
	} else {
		walk_user(walk, &regs);
	}
}

/* Appends the kernel's frames, from the interrupted one on, behind @user frames.  Returns how many. */
static __always_inline u32 capture_kernel(void *ctx, struct user_walk *walk, u32 user,
					  u64 kernel_ip)
{
	u32 zero = 0, count, first;
	struct kernel_stack *kernel = bpf_map_lookup_elem(&kernel_stacks, &zero);
	long bytes;

	if (!kernel)
		return 0;
	bytes = bpf_get_stack(ctx, kernel->frames, STACK_MAX_KERNEL * sizeof(u64), 0);
	if (bytes <= 0)
		return 0;
	count = (u32)bytes / sizeof(u64);
	first = count_interrupt_frames(kernel_ip);
	if (first >= count || count > STACK_MAX_KERNEL || user >= STACK_USER_SLOTS)
		return 0;
	if (options.counted)
		walk->hash = hash_kernel_frames(walk->hash, first, count);
	count -= first;
	walk_append(walk, user, &kernel->frames[first & (STACK_KERNEL_SLOTS - 1)], count);
	return count;
}

/* The head of a record, with room for frames behind it. */
static __always_inline struct cpu_sample *begin_record(struct user_walk *walk, u8 kind, u64 at)
{
	struct cpu_sample *record = (void *)walk->head;

	__builtin_memset(record, 0, sizeof(*record));
	record->at = at;
	record->kind = kind;
	record->cpu = bpf_get_smp_processor_id();
	return record;
}

/* The last sixteenth of the ring is for sums alone: with them gone, totals would be wrong. */
static __always_inline bool has_room_for(const struct cpu_sample *record)
{
	u64 size = bpf_ringbuf_query(&samples, BPF_RB_RING_SIZE);

	return record->kind == CPU_RECORD_SUMS ||
	       bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) < size - size / 16;
}

/* Return: whether there was room for it. */
static __always_inline bool send_record(struct cpu_sample *record)
{
	u32 zero = 0;
	struct cpu_statistics *stats = bpf_map_lookup_elem(&statistics, &zero);
	u32 frames = (u32)record->kernel_frames + record->user_frames;

	if (!stats || frames > STACK_MAX_KERNEL + STACK_MAX_USER)
		return false;
	stats->taken++;
	if (has_room_for(record) &&
	    !bpf_ringbuf_output(&samples, record, sizeof(*record) + frames * sizeof(u64),
				sample_flags(record)))
		return true;
	stats->lost++;
	return false;
}

static __always_inline void add_statistic(u32 offset)
{
	u32 zero = 0;
	struct cpu_statistics *stats = bpf_map_lookup_elem(&statistics, &zero);

	if (stats)
		(*(u64 *)((void *)stats + offset))++;
}

#define count_statistic(which) add_statistic(__builtin_offsetof(struct cpu_statistics, which))

#endif
