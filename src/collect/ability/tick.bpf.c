/* SPDX-License-Identifier: Dual MIT/GPL */
/* tick.bpf.c - whether the timer tick can be seen, recognised, and asked what it interrupted: what
 * collect/cpu/tick.bpf.h relies on, and nothing else.
 */
#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

extern void tick_nohz_handler __ksym __weak; /* since 6.9 */
extern void tick_sched_timer __ksym __weak;  /* before */

const volatile s64 irq_regs_offset = 0; /* per-CPU address of __irq_regs less tick_cpu_sched's */

u64 timers = 0; /* timers of any kind */
u64 known = 0;  /* address of the tick's function, 0 when the kernel did not give it */
u64 ticks = 0;
u64 registers = 0; /* ticks that found the interrupted registers */

SEC("raw_tp/hrtimer_expire_entry")
int tick(struct bpf_raw_tracepoint_args *ctx)
{
	struct hrtimer *timer = (struct hrtimer *)ctx->args[0];
	void *function = BPF_CORE_READ(timer, function);
	void *regs = NULL, *at;

	timers++;
	known = (u64)&tick_nohz_handler | (u64)&tick_sched_timer;
	if (function != &tick_nohz_handler && function != &tick_sched_timer)
		return 0;
	at = (void *)timer - bpf_core_field_offset(struct tick_sched, sched_timer) +
	     irq_regs_offset;
	if (!bpf_probe_read_kernel(&regs, sizeof(regs), at) && regs)
		registers++;
	ticks++;
	return 0;
}
