/* SPDX-License-Identifier: Dual MIT/GPL */
/* tick.bpf.h - samples taken inside the scheduler's timer tick.
 *
 * The tick interrupts a busy CPU HZ times a second anyway, so a sample costs no interrupt of its
 * own.  hrtimer_expire_entry fires for every high-resolution timer; the tick's is told apart by its
 * function, never by counting interrupts, which would follow the sleeps of the program.
 *
 * A raw tracepoint does not say what was interrupted.  lib/irq_regs.c keeps a pointer to the
 * registers in the per-CPU variable __irq_regs; the tick's timer lies in the per-CPU variable
 * tick_cpu_sched, and the kernel's BTF holds the distance of the two (irq_regs_offset).
 *
 * A rate below HZ is met on average: of 250 ticks 99 are chosen, as evenly as they can be, and a
 * sample carries the time of the ticks since the last chosen one of its CPU, whoever ran then.
 *
 * A tick that comes late by whole ticks stands for those, too: interrupts were off, or the host of a
 * virtual machine ran something else.  Loaded hosts lose a tenth of the ticks that way.
 */
#include "collect/cpu/sample.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

extern void tick_nohz_handler __ksym __weak; /* since 6.9 */
extern void tick_sched_timer __ksym __weak;  /* before */

struct tick_state {
	u64 credit; /* grows by rate_hz each tick; a sample costs one second's worth of ticks */
	u64 ticks;  /* since the last sample */
	u64 begun;  /* the first tick is always chosen */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct tick_state);
} tick_states SEC(".maps");

/* How many ticks this one stands for. */
static __always_inline u64 ticks_due(struct hrtimer *timer)
{
	s64 late = bpf_ktime_get_ns() - BPF_CORE_READ(timer, node.expires);

	return late > 0 ? 1 + (u64)late / options.tick_ns : 1;
}

/* The time that a sample taken now stands for; 0 when this tick is not chosen. */
static __always_inline u64 tick_weight(struct hrtimer *timer)
{
	u32 zero = 0;
	struct tick_state *state = bpf_map_lookup_elem(&tick_states, &zero);
	u64 ticks, weight;

	if (!state)
		return 0;
	if (!state->begun)
		state->credit = 1000000000;
	state->begun = 1;
	ticks = ticks_due(timer);
	state->ticks += ticks;
	state->credit += ticks * options.rate_hz * options.tick_ns;
	if (state->credit < 1000000000)
		return 0;
	state->credit %= 1000000000;
	weight = state->ticks * options.tick_ns;
	state->ticks = 0;
	return weight;
}

SEC("raw_tp/hrtimer_expire_entry")
int cpu_tick(struct bpf_raw_tracepoint_args *ctx)
{
	struct hrtimer *timer = (struct hrtimer *)ctx->args[0];
	void *function = BPF_CORE_READ(timer, function);
	u64 weight, kernel_ip = 0;
	void *regs = NULL, *at;

	if (function != &tick_nohz_handler && function != &tick_sched_timer)
		return 0;
	weight = tick_weight(timer);
	if (!weight)
		return 0;
	at = (void *)timer - bpf_core_field_offset(struct tick_sched, sched_timer) +
	     options.irq_regs_offset;
	if (bpf_probe_read_kernel(&regs, sizeof(regs), at) || !regs) {
		u32 zero = 0;
		struct cpu_statistics *stats = bpf_map_lookup_elem(&statistics, &zero);

		if (stats)
			stats->irq_regs_bad++;
		return 0;
	}
	/* An interrupt of user mode leaves its registers where a system call does. */
	if (regs != (void *)bpf_task_pt_regs(bpf_get_current_task_btf()))
		kernel_ip = regs_kernel_ip(regs);
	return take_sample(ctx, weight, kernel_ip);
}
