/* SPDX-License-Identifier: Dual MIT/GPL */
/* standing.bpf.h - threads that make no switch: those that wait already when the run starts, and those
 * that still wait when it ends.  The second come with their whole stack, which user space walks.
 *
 * Both are iterators over all tasks; the second writes records like those of the ring into its output,
 * which the kernel hands out as its reader takes them.  Part of blocks.bpf.h.
 */
#ifndef COLLECT_CPU_STANDING_BPF_H
#define COLLECT_CPU_STANDING_BPF_H

#define TASK_WAKING    0x200 /* include/linux/sched.h */
#define TASK_NEW       0x800
#define STANDING_WORDS (26 * 1024 / 8) /* of user stack; the kernel's output takes 32 KB at once */

u64 stopped_at = 0; /* set by user space before the last records are read */

/* One record of a thread.  One reader at a time: not per CPU, its program may move to another. */
struct standing {
	u64 raw[sizeof(struct cpu_raw) / 8];
	u64 words[UNWIND_RAW_STACK + STANDING_WORDS];
	u64 sample[sizeof(struct cpu_sample) / 8];
	u64 frames[1 + STACK_KERNEL_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct standing);
} standings SEC(".maps");

SEC("iter/task")
int cpu_standing_first(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cpu_wait *wait;
	u32 state;
	u64 ids;

	if (!task)
		return 0;
	ids = target_ids(task);
	if (!target_wants_task(task, ids))
		return 0;
	state = task->__state;
	if (state & (TASK_DEAD | TASK_NEW))
		return 0;
	wait = follow(task, ids);
	if (wait && !wait->left_at && !task->on_cpu)
		begin_wait(task, wait, state & TASK_WAKING ? 0 : state, bpf_ktime_get_ns());
	return 0;
}

/* Where a thread that is not running will go on, as if it were not probed. */
struct standing_place {
	struct regs regs;
	bool is_return, is_probed;
};

static __always_inline void find_standing(struct task_struct *task, struct standing_place *place)
{
	struct uprobe_returns *returns;
	unsigned long flags;

	regs_of(task, &place->regs);
	place->is_return = false;
	place->is_probed = uprobes_is_probed(task);
	if (!place->is_probed)
		return;
	cpu_hold(&flags); /* the list is in memory of this CPU */
	returns = uprobes_returns();
	if (returns) {
		returns->ip = place->regs.ip;
		returns->sp = place->regs.sp;
		place->is_return = uprobes_mend(task, returns, UPROBES_SLEEPER);
		place->regs.ip = returns->ip;
		place->regs.sp = returns->sp;
	}
	cpu_release(&flags);
}

static int mend_standing_step(u32 index, struct uprobes_copy *copy)
{
	return uprobes_mend_word(index, copy, STANDING_WORDS);
}

static __always_inline void mend_standing(struct standing *standing, struct task_struct *task,
					  u64 base, u32 words)
{
	struct uprobe_returns *returns;
	unsigned long flags;

	cpu_hold(&flags);
	returns = uprobes_returns();
	if (returns) {
		uprobes_load(task, returns);
		uprobes_mend_copy(mend_standing_step, &standing->words[UNWIND_RAW_STACK], base,
				  words);
	}
	cpu_release(&flags);
}

/* The registers of a thread that is not running, and its stack, up to the first page that cannot be
 * had.  Return: words
 */
static __always_inline u32 copy_standing(struct standing *standing, struct task_struct *task,
					 const struct standing_place *place, u32 pid)
{
	const struct regs *regs = &place->regs;
	u64 at = regs->sp & ~7ull;
	u32 len = 0, part;

	standing->words[UNWIND_RAW_IP] = regs->ip;
	standing->words[UNWIND_RAW_SP] = regs->sp;
	standing->words[UNWIND_RAW_FP] = regs->fp;
	standing->words[UNWIND_RAW_EXEC_ID] = task->self_exec_id;
	standing->words[UNWIND_RAW_EXEC_VM] = task->mm ? task->mm->exec_vm : 0;
	standing->words[UNWIND_RAW_LR] = 0;
	standing->words[UNWIND_RAW_PID] = pid;
	standing->words[UNWIND_RAW_IS_RETURN] = place->is_return;
	standing->words[UNWIND_RAW_BY_FP] = 0;
	standing->words[UNWIND_RAW_BASE] = at;
	standing->words[UNWIND_RAW_IS_VOID] = 0;
	standing->words[UNWIND_RAW_BX] = 0;
	standing->words[UNWIND_RAW_KEPT] = place->is_return ? UNWIND_KEPT_NONE : UNWIND_KEPT_ALL;
	regs_all_of(task, &standing->words[UNWIND_RAW_OTHERS]);
	standing->words[UNWIND_RAW_IS_CUT] = 1;
	/* What so many pages hold needs no check, which verifiers before 6.8 would lose. */
	for (int pages = 0; pages < STANDING_WORDS * 8 / PAGE_BYTES; pages++) {
		part = PAGE_BYTES - ((at + len) & (PAGE_BYTES - 1));
		if (bpf_copy_from_user_task((void *)&standing->words[UNWIND_RAW_STACK] + len, part,
					    (void *)at + len, task, 0)) {
			standing->words[UNWIND_RAW_IS_CUT] = 0;
			break;
		}
		len += part;
	}
	if (place->is_probed)
		mend_standing(standing, task, at, len / 8);
	return UNWIND_RAW_STACK + len / 8;
}

static __always_inline void write_standing(struct bpf_iter__task *ctx, struct task_struct *task,
					   struct standing *standing, struct cpu_wait *wait,
					   u64 blocked)
{
	struct cpu_sample *sample = (void *)standing->sample;
	struct cpu_raw *raw = (void *)standing->raw;
	struct standing_place place;
	u32 words = 0, user = 0;
	long bytes;

	__builtin_memset(sample, 0, sizeof(*sample));
	sample->at = stopped_at;
	sample->weight = blocked;
	sample->pid = wait->pid;
	sample->tid = wait->tid;
	sample->reason = reason_of_wait(task, wait);
	BPF_CORE_READ_STR_INTO(&sample->comm, task, comm);
	if (options.want_user && !(task->flags & (PF_KTHREAD | PF_EXITING)) && task->mm) {
		find_standing(task, &place);
		standing->frames[0] = place.regs.ip;
		user = sample->user_frames = 1;
		sample->user_stop = place.regs.is_compat ? STACK_STOP_COMPAT : STACK_STOP_FAULT;
		if (options.unwind && !place.regs.is_compat) {
			words = copy_standing(standing, task, &place, BPF_CORE_READ(task, tgid));
			sample->user_stop = STACK_STOP_RAW;
		}
	}
	bytes = options.want_kernel ? bpf_get_task_stack(task, &standing->frames[user & 1],
							 STACK_MAX_KERNEL * sizeof(u64), 0)
				    : 0;
	if (bytes > 0 && bytes <= (long)(STACK_MAX_KERNEL * sizeof(u64)))
		sample->kernel_frames = (u32)bytes / sizeof(u64);
	if (words && words <= UNWIND_RAW_STACK + STANDING_WORDS) {
		raw->none = 0;
		raw->at = sample->at;
		raw->cpu = sample->cpu;
		raw->words = words;
		bpf_seq_write(ctx->meta->seq, raw, sizeof(*raw) + words * sizeof(u64));
	}
	words = user + sample->kernel_frames;
	if (words <= STACK_KERNEL_SLOTS)
		bpf_seq_write(ctx->meta->seq, sample, sizeof(*sample) + words * sizeof(u64));
}

/* It may be called twice for one task, where its output did not fit: it changes nothing. */
SEC("iter.s/task")
int cpu_standing_last(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	u64 until = stopped_at, sums[CPU_SUMS], blocked, delayed, ran;
	struct standing *standing;
	struct cpu_sample *sample;
	struct cpu_wait *wait;
	u32 zero = 0;

	wait = task ? wait_of(task) : NULL;
	standing = bpf_map_lookup_elem(&standings, &zero);
	if (!wait || !standing)
		return 0;
	sums[CPU_SUM_SHORT_NS] = wait->short_ns;
	sums[CPU_SUM_SHORT] = wait->shorts;
	sums[CPU_SUM_RUNQ_NS] = wait->runq_ns;
	sums[CPU_SUM_RUNQ] = wait->runqs;
	if (wait->left_at && wait->left_at < until && !task->on_cpu) {
		blocked = absence(task, wait, until, &delayed, &ran) - delayed;
		sums[CPU_SUM_RUNQ_NS] += delayed;
		sums[CPU_SUM_RUNQ] += delayed > 0;
		if (wait->state && !ran && blocked >= options.min_block_ns) {
			write_standing(ctx, task, standing, wait, blocked);
		} else if (wait->state) {
			sums[CPU_SUM_SHORT_NS] += blocked;
			sums[CPU_SUM_SHORT]++;
		}
	}
	sample = (void *)standing->sample;
	__builtin_memset(sample, 0, sizeof(*sample));
	sample->at = until;
	sample->kind = CPU_RECORD_SUMS;
	sample->pid = wait->pid;
	sample->tid = wait->tid;
	sample->user_frames = CPU_SUMS;
	BPF_CORE_READ_STR_INTO(&sample->comm, task, comm);
	__builtin_memcpy(standing->frames, sums, sizeof(sums));
	bpf_seq_write(ctx->meta->seq, sample, sizeof(*sample) + sizeof(sums));
	return 0;
}

#endif
