/* SPDX-License-Identifier: MIT */
#include "collect/cpu/spare.h"

#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <bpf/skel_internal.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/cpu/samplers.h"
#include "collect/rights.h"

#include "collect/cpu/tick-spare.lskel.h"

struct cpu_spare {
	struct collect_cpu_tick_spare *skeleton;
	uint32_t ring_bytes;
	s64 irq_regs_offset;
};

/* Whatever may be asked of it, at most. */
static int load(struct cpu_spare *spare)
{
	const struct cpu_request most = {
		.kind = TARGET_PROCESS,
		.rate_hz = (uint32_t)(NS_PER_S / cpu_tick_ns()),
		.want_user = true,
		.want_kernel = true,
	};
	struct cpu_list cpus = { 0 };
	struct cpu_plan plan = { .request = &most, .cpus = &cpus };
	int err = sampler_irq_regs(&spare->irq_regs_offset);

	err = err ?: perf_cpus(&cpus);
	if (err)
		return err;
	spare->ring_bytes = programs_ring_bytes(&plan);
	vec_done(&cpus.ids);
	spare->skeleton = collect_cpu_tick_spare__open();
	if (!spare->skeleton)
		return -ENOMEM;
	programs_size(spare->skeleton, &plan);
	return collect_cpu_tick_spare__load(spare->skeleton);
}

int cpu_spare_load(struct cpu_spare **ret_spare)
{
	own(cpu_spare_freep) struct cpu_spare *spare = calloc(1, sizeof(*spare));
	int err;

	if (!spare)
		return -ENOMEM;
	error_clear();
	err = load(spare);
	if (err && !*error_text())
		err = rights_fail_load(err, "the program that takes samples");
	if (err)
		return err;
	*ret_spare = take(spare);
	return 0;
}

static void destroy(void *skeleton)
{
	collect_cpu_tick_spare__destroy(skeleton);
}

void cpu_spare_free(struct cpu_spare *spare)
{
	if (!spare)
		return;
	destroy(spare->skeleton);
	free(spare);
}

static bool suits(const struct cpu_spare *spare, const struct cpu_plan *plan)
{
	const struct cpu_request *request = plan->request;

	return plan->timer == CPU_TIMER_TICK && request->kind != TARGET_CGROUP &&
	       !plan->pid_namespace && request->unwind != CPU_UNWIND_DEFERRED &&
	       !request->unwind_bytes && programs_ring_bytes(plan) <= spare->ring_bytes;
}

bool cpu_spare_take(const struct cpu_plan *plan, struct sampler *ret_sampler,
		    struct programs *ret_programs)
{
	struct cpu_spare **place = plan->request->spare;
	struct collect_cpu_tick_spare *skeleton;

	if (!place || !*place || !suits(*place, plan))
		return false;
	skeleton = take((*place)->skeleton);
	skeleton->bss->target = programs_filter(plan);
	skeleton->bss->options = programs_options(plan);
	skeleton->bss->options.irq_regs_offset = (*place)->irq_regs_offset;
	*ret_sampler = (struct sampler){ skeleton, destroy };
	*ret_programs = programs_of(skeleton, cpu_tick);
	cpu_spare_free(take(*place));
	return true;
}
