/* SPDX-License-Identifier: Dual MIT/GPL */
/* later.bpf.h - work done in the context of a task before it returns to user mode, and in it the
 * search for the mapping of an address.
 *
 * Two programs include this, because the kernel function has had two prototypes under two names
 * and a program that names the wrong one does not load.
 */
#ifndef COLLECT_ABILITY_LATER_BPF_H
#define COLLECT_ABILITY_LATER_BPF_H

#include "probe/kernel.h"

#include <bpf/bpf_helpers.h>

struct vm_area_struct___place {
	unsigned long vm_start, vm_end;
} __attribute__((preserve_access_index));

const volatile u32 wanted_thread = 0;
const volatile u64 wanted_address = 0; /* some user address that is mapped */

s64 scheduled = 1; /* what scheduling returned */
u64 worked = 0;    /* how often the work was done in the right task */
s64 found = 1;     /* what bpf_find_vma() returned */
u64 contains = 0;  /* the mapping holds the address */

static long on_mapping(struct task_struct *task, struct vm_area_struct___place *mapping,
		       void *unused)
{
	contains = mapping->vm_start <= wanted_address && wanted_address < mapping->vm_end;
	return 0;
}

static __always_inline void look_up(void)
{
	found = bpf_find_vma(bpf_get_current_task_btf(), wanted_address, on_mapping, NULL, 0);
}

#endif
