/* SPDX-License-Identifier: Dual MIT/GPL */
/* reason.bpf.h - why a thread blocks, from what it has called and what that call is about. */
#ifndef PROBE_REASON_BPF_H
#define PROBE_REASON_BPF_H

#include "probe/kernel.h"
#include "probe/open_file.bpf.h"
#include "probe/reason.wire.h"
#include "probe/regs.bpf.h"
#include "probe/syscalls.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define TASK_STOPPED_OR_TRACED 0x0c /* __TASK_STOPPED | __TASK_TRACED, include/linux/sched.h */
#define PF_EXITING             0x04
#define PF_IO_WORKER           0x10
#define S_IFMT                 0170000
#define S_IFIFO                0010000
#define S_IFCHR                0020000
#define S_IFSOCK               0140000
#define MINOR_BITS             20 /* include/linux/kdev_t.h */

/* Devices of terminals: Documentation/admin-guide/devices.txt of the kernel. */
static __always_inline bool is_terminal(u32 device)
{
	u32 major = device >> MINOR_BITS;

	return major == 4 || major == 5 || (major >= 136 && major <= 143);
}

/* By the kind of file that a call reads or writes. */
static __always_inline enum block_reason reason_of_file(struct task_struct *task, u64 fd)
{
	struct file *file = open_file(task, fd);
	struct inode *inode;
	u16 mode;

	if (!file)
		return BLOCK_OTHER;
	inode = BPF_CORE_READ(file, f_inode);
	mode = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	switch (mode) {
	case S_IFSOCK:
		return BLOCK_SOCKET;
	case S_IFIFO:
		return BLOCK_PIPE;
	case S_IFCHR:
		return is_terminal(BPF_CORE_READ(inode, i_rdev)) ? BLOCK_TERMINAL : BLOCK_DEVICE;
	case 0:
		return BLOCK_EVENT;
	default:
		return BLOCK_FILE;
	}
}

/* Why a task is switched out.
 * @state: that it goes into
 * @before: reason of the call that restart_syscall() goes on with
 * @call: receives the call that it is in; number -1: none, or it is not known
 */
static __always_inline enum block_reason reason_and_call(struct task_struct *task, u32 state,
							 enum block_reason before,
							 struct syscall_regs *call)
{
	*call = (struct syscall_regs){ .number = -1 };
	if (state & TASK_STOPPED_OR_TRACED)
		return BLOCK_STOPPED;
	if (task->flags & PF_EXITING)
		return BLOCK_EXIT;
	if (task->flags & PF_IO_WORKER)
		return BLOCK_IO_URING;
	if (task->flags & PF_KTHREAD)
		return BLOCK_OTHER;
	syscall_of_task(task, call);
	if (call->number == SYSCALL_IO_URING_ENTER) /* it calls every wait one for a disk */
		return BLOCK_IO_URING;
	if (BPF_CORE_READ_BITFIELD(task, in_iowait))
		return call->number < 0 ? BLOCK_FAULT_DISK : BLOCK_DISK;
	if (call->number < 0)
		return BLOCK_FAULT;
	if (call->is_compat)
		return BLOCK_OTHER;
	switch (syscall_class(call->number)) {
	case SYSCALL_ON_FILE:
		return reason_of_file(task, call->first);
	case SYSCALL_ON_SOCKET:
		return BLOCK_SOCKET;
	case SYSCALL_ON_LOCK:
		return BLOCK_LOCK;
	case SYSCALL_ON_TIME:
		return BLOCK_SLEEP;
	case SYSCALL_ON_EVENTS:
		return BLOCK_POLL;
	case SYSCALL_ON_CHILD:
		return BLOCK_CHILD;
	case SYSCALL_ON_DISK:
		return BLOCK_DISK;
	case SYSCALL_ON_IPC:
		return BLOCK_IPC;
	case SYSCALL_ON_EXIT:
		return BLOCK_EXIT;
	case SYSCALL_FCNTL:
		return call->second == FCNTL_SETLKW || call->second == FCNTL_OFD_SETLKW
			       ? BLOCK_LOCK
			       : BLOCK_OTHER;
	case SYSCALL_RESTARTED:
		return before ?: BLOCK_SLEEP;
	default:
		return BLOCK_OTHER;
	}
}

/* As reason_and_call(), for who does not need the call. */
static __always_inline enum block_reason reason_of(struct task_struct *task, u32 state,
						   enum block_reason before)
{
	struct syscall_regs call;

	return reason_and_call(task, state, before, &call);
}

#endif
