/* SPDX-License-Identifier: MIT */
/* samplers.c - light skeletons: the kernel itself relocates (measured 4 ms against 25 ms through libbpf). */
#include "collect/cpu/samplers.h"

#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/skel_internal.h>

#include "base/error.h"
#include "collect/kernel_btf.h"

#include "collect/cpu/clock-any.lskel.h"
#include "collect/cpu/clock-later-old.lskel.h"
#include "collect/cpu/clock-later.lskel.h"
#include "collect/cpu/clock.lskel.h"
#include "collect/cpu/tick-any.lskel.h"
#include "collect/cpu/tick-later-old.lskel.h"
#include "collect/cpu/tick-later.lskel.h"
#include "collect/cpu/tick.lskel.h"

/* Defines a function that loads one of them, and one that takes it away. */
#define define_loader(which, program, exit_program)                                         \
	static void which##_destroy(void *skeleton)                                         \
	{                                                                                   \
		collect_cpu_##which##__destroy(skeleton);                                   \
	}                                                                                   \
                                                                                            \
	static int which##_load(const struct cpu_plan *plan, s64 irq_regs_offset,           \
				struct sampler *ret_sampler, struct programs *ret_programs) \
	{                                                                                   \
		struct collect_cpu_##which *skeleton = programs_open(plan, which);          \
		int err = skeleton ? 0 : -ENOMEM;                                           \
                                                                                            \
		if (!err) {                                                                 \
			skeleton->rodata->options.irq_regs_offset = irq_regs_offset;        \
			err = collect_cpu_##which##__load(skeleton);                        \
		}                                                                           \
		if (err) {                                                                  \
			if (skeleton)                                                       \
				which##_destroy(skeleton);                                  \
			return err;                                                         \
		}                                                                           \
		*ret_sampler = (struct sampler){ skeleton, which##_destroy };               \
		*ret_programs = programs_of(skeleton, program);                             \
		ret_programs->exit = (exit_program);                                        \
		return 0;                                                                   \
	}

#define EXIT skeleton->progs.cpu_exit.prog_fd

define_loader(tick, cpu_tick, 0) define_loader(tick_any, cpu_tick, 0)
	define_loader(tick_later, cpu_tick, EXIT) define_loader(tick_later_old, cpu_tick, EXIT)
		define_loader(clock, cpu_clock, 0) define_loader(clock_any, cpu_clock, 0)
			define_loader(clock_later, cpu_clock, EXIT)
				define_loader(clock_later_old, cpu_clock, EXIT)

	/* Whether the smaller programs will do. */
	static bool is_plain(const struct cpu_plan *plan)
{
	return plan->request->kind != TARGET_CGROUP && !plan->pid_namespace;
}

/* The kernel function that puts work off has another prototype from 7.0 on; what does not fit does not
 * load.
 */
#define load_later(which, plan, offset, sampler, programs)        \
	(which##_later_load(plan, offset, sampler, programs) == 0 \
		 ? 0                                              \
		 : which##_later_old_load(plan, offset, sampler, programs))

int sampler_irq_regs(s64 *ret_offset)
{
	static const char *const names[] = { "tick_cpu_sched", "__irq_regs" };
	uint32_t offsets[2];

	if (kernel_btf_percpu(names, array_len(names), offsets))
		return fail(
			-ENOTSUP,
			"cannot sample in the timer tick: this kernel's BTF does not tell where '__irq_regs' is");
	*ret_offset = (s64)offsets[1] - offsets[0];
	return 0;
}

static int load_tick(const struct cpu_plan *plan, struct sampler *ret_sampler,
		     struct programs *ret_programs)
{
	s64 offset = 0;
	int err = sampler_irq_regs(&offset);

	if (err)
		return err;
	if (plan->request->unwind == CPU_UNWIND_DEFERRED)
		return load_later(tick, plan, offset, ret_sampler, ret_programs);
	return is_plain(plan) ? tick_load(plan, offset, ret_sampler, ret_programs)
			      : tick_any_load(plan, offset, ret_sampler, ret_programs);
}

static int load_clock(const struct cpu_plan *plan, struct sampler *ret_sampler,
		      struct programs *ret_programs)
{
	if (plan->request->unwind == CPU_UNWIND_DEFERRED)
		return load_later(clock, plan, 0, ret_sampler, ret_programs);
	return is_plain(plan) ? clock_load(plan, 0, ret_sampler, ret_programs)
			      : clock_any_load(plan, 0, ret_sampler, ret_programs);
}

int sampler_load(const struct cpu_plan *plan, struct sampler *ret_sampler,
		 struct programs *ret_programs)
{
	if (cpu_spare_take(plan, ret_sampler, ret_programs))
		return 0;
	return plan->timer == CPU_TIMER_TICK ? load_tick(plan, ret_sampler, ret_programs)
					     : load_clock(plan, ret_sampler, ret_programs);
}

void sampler_done(struct sampler *sampler)
{
	if (sampler->skeleton)
		sampler->destroy(sampler->skeleton);
	*sampler = (struct sampler){ 0 };
}
