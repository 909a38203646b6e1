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

#endif
