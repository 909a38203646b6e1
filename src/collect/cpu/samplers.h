/* SPDX-License-Identifier: MIT */
/* samplers.h - the programs that take samples: tick.bpf.h and clock.bpf.h in all their versions.
 * Private to this folder.
 */
#ifndef COLLECT_CPU_SAMPLERS_H
#define COLLECT_CPU_SAMPLERS_H

#include "collect/cpu/programs.h"

/* One that is loaded. */
struct sampler {
	void *skeleton; /* NULL: none is */
	void (*destroy)(void *skeleton);
};

/**
 * sampler_load - load the version that a plan asks for and this kernel takes
 * @ret_programs: its descriptors; they live as long as the sampler
 *
 * Return: 0; -ENOMEM; -errno of the loader, without fail(); -ENOTSUP with it.
 */
nodiscard int sampler_load(const struct cpu_plan *plan, struct sampler *ret_sampler,
			   struct programs *ret_programs);
void sampler_done(struct sampler *sampler);

/** sampler_irq_regs - cpu_options.irq_regs_offset.  Return: 0; -ENOTSUP with fail() said */
nodiscard int sampler_irq_regs(s64 *ret_offset);

/** cpu_spare_take - the programs that lie ready (spare.h), made to do what a plan asks for; false: they do not suit */
nodiscard bool cpu_spare_take(const struct cpu_plan *plan, struct sampler *ret_sampler,
			      struct programs *ret_programs);

#endif
