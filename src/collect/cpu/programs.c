/* SPDX-License-Identifier: MIT */
#include "collect/cpu/programs.h"

#include <sys/random.h>

#include "base/clock.h"

#define RING_MIN_BYTES (256u * 1024)
#define RING_RAW_BYTES (4096u * 1024) /* with raw stacks of 8 KB among the samples */
#define RING_SLOW_BYTES \
	(2048u * 1024) /* likewise, below RING_SLOW_HZ: a daemon has it mapped for good */
#define RING_SLOW_HZ    50u
#define RING_MAX_BYTES  (16u * 1024 * 1024)
#define SAMPLE_BYTES    600u /* of an ordinary sample, to size the ring */
#define RING_PER_SECOND 2u   /* the ring holds half a second */

bool programs_have_tables(const struct cpu_request *request)
{
	return request->want_user && request->unwind != CPU_UNWIND_FP;
}

struct unwind_tables_size programs_table_size(const struct cpu_request *request)
{
	return unwind_tables_size(request->unwind_bytes ?: CPU_UNWIND_BYTES);
}

uint32_t programs_ring_bytes(const struct cpu_plan *plan)
{
	uint64_t wanted = (uint64_t)plan->request->rate_hz * plan->cpus->ids.len * SAMPLE_BYTES /
			  RING_PER_SECOND;
	uint32_t raw = plan->request->rate_hz < RING_SLOW_HZ ? RING_SLOW_BYTES : RING_RAW_BYTES;
	uint32_t bytes = programs_have_tables(plan->request) ? raw : RING_MIN_BYTES;

	while (bytes < wanted && bytes < RING_MAX_BYTES)
		bytes *= 2;
	return bytes;
}

struct cpu_options programs_options(const struct cpu_plan *plan)
{
	const struct cpu_request *request = plan->request;
	struct cpu_options options = {
		.period_ns = NS_PER_S / request->rate_hz,
		.tick_ns = plan->tick_ns,
		.rate_hz = request->rate_hz,
		.counted = !request->every_sample,
		.want_user = request->want_user,
		.want_kernel = request->want_kernel,
		.unwind = programs_have_tables(request),
		.min_block_ns = request->min_block_ns,
		.wakers = request->wakers,
		.hardware = plan->timer == CPU_TIMER_HARDWARE,
	};

	if (getrandom(&options.seed, sizeof(options.seed), GRND_NONBLOCK) < 0)
		options.seed = clock_mono_ns();
	return options;
}

struct target_filter programs_filter(const struct cpu_plan *plan)
{
	return (struct target_filter){
		.kind = plan->request->kind,
		.hierarchy = plan->hierarchy,
		.cgroup_id = plan->cgroup_id,
		.launch_pid = (u32)plan->request->launch,
		.pid_namespace = plan->pid_namespace,
	};
}
