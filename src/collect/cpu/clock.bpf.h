/* SPDX-License-Identifier: Dual MIT/GPL */
/* clock.bpf.h - samples taken by a perf event: the cpu-clock timer or the cycle counter.
 *
 * The timer runs on a grid of whole periods.  One that comes so late that the next are due, too,
 * comes once for all of them, and its sample stands for them all.  On a CPU that idles without a tick
 * the kernel stops a timer that came too often since the last tick: so what is later than two ticks says
 * that the CPU was idle, and stands for itself.
 */
#include "collect/cpu/sample.bpf.h"

struct clock_state {
	u64 origin; /* of the grid: half a period before the first time */
	u64 periods;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct clock_state);
} clock_states SEC(".maps");

/* Periods since the last time on this CPU. */
static __always_inline u64 periods_due(void)
{
	u32 zero = 0;
	struct clock_state *state = bpf_map_lookup_elem(&clock_states, &zero);
	u64 now = bpf_ktime_get_ns(), periods;

	if (!state)
		return 0;
	if (!state->origin)
		state->origin = now - options.period_ns * 3 / 2;
	periods = (now - state->origin) / options.period_ns;
	now = periods - state->periods;
	state->periods = periods;
	if (now > 1 && (now - 1) * options.period_ns > 2 * options.tick_ns)
		return 1;
	return now;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("perf_event")
int cpu_clock(struct bpf_perf_event_data *ctx)
{
	u64 periods = options.hardware ? 1 : periods_due();

	if (!periods)
		return 0;
	return take_sample(ctx, periods * options.period_ns,
			   regs_is_user(&ctx->regs) ? 0 : regs_ip(&ctx->regs));
}
