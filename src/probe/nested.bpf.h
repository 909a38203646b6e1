/* SPDX-License-Identifier: Dual MIT/GPL */
/* nested.bpf.h - the number that a thread has in a nested PID namespace.  With TARGET_PLAIN there are none. */
#ifndef PROBE_NESTED_BPF_H
#define PROBE_NESTED_BPF_H

#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define PID_MAX_LEVEL 32 /* MAX_PID_NS_LEVEL of the kernel */

/* 0: it does not live there. */
static __always_inline u32 nested_tid(struct task_struct *task, u32 pid_namespace)
{
#ifndef TARGET_PLAIN
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	u32 deepest = BPF_CORE_READ(pid, level);

	for (u32 level = 1; level <= PID_MAX_LEVEL && level <= deepest; level++) {
		struct upid *at = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				  level * bpf_core_type_size(struct upid);

		if (BPF_CORE_READ(at, ns, ns.inum) == pid_namespace)
			return BPF_CORE_READ(at, nr);
	}
#endif
	return 0;
}

#endif
