/* SPDX-License-Identifier: Dual MIT/GPL */
/* open_file.bpf.h - the file behind a descriptor of a task. */
#ifndef PROBE_OPEN_FILE_BPF_H
#define PROBE_OPEN_FILE_BPF_H

#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* NULL: there is none. */
static __always_inline struct file *open_file(struct task_struct *task, u64 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files, *file = NULL;

	if (!table || fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

#endif
