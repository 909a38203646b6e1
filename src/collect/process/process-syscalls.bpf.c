/* SPDX-License-Identifier: Dual MIT/GPL */
/* process-syscalls.bpf.c - execs that failed: only the end of the system call tells of them. */
#include "collect/process/process.wire.h"
#include "probe/argv.bpf.h"
#include "probe/call.bpf.h"
#include "probe/open_file.bpf.h"
#include "probe/path.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define FILE_BYTES   1024
#define SIGNAL_FATAL (1ul << (11 - 1)) /* SIGSEGV */
#define AT_FDCWD     (-100)

/* What the call was given.  Of one that failed too late to go back, the memory that held it is gone:
 * the kernel ends such a process with SIGSEGV.
 */
static __always_inline void put_arguments(struct event_buffer *buffer,
					  struct process_exec_failed *failed,
					  struct task_struct *task, void *regs, bool is_at)
{
	u64 file = is_at ? call_argument(regs, 1) : call_argument(regs, 0);
	u64 argv = is_at ? call_argument(regs, 2) : call_argument(regs, 1);

	failed->argv_cut = true;
	if (BPF_CORE_READ(task, pending.signal.sig[0]) & SIGNAL_FATAL)
		return;
	event_put_user(buffer, &failed->file, (void *)file, FILE_BYTES);
	failed->argv_cut = !argv_put_pointers(buffer, &failed->argv, argv);
}

SEC("raw_tp/sys_exit")
int process_on_call(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	void *regs = (void *)ctx->args[0];
	u32 error = call_errno(ctx->args[1]);
	struct process_exec_failed *failed;
	struct event_buffer *buffer;
	struct file *folder = NULL;
	long number;

	if (!error)
		return 0;
	number = call_number(regs);
	if ((number != SYSCALL_EXECVE && number != SYSCALL_EXECVEAT) || call_is_compat(task) ||
	    !event_wants(task))
		return 0;
	buffer = event_begin(process_exec_failed, task);
	if (!buffer)
		return 0;
	failed = event_in(buffer);
	failed->ppid = BPF_CORE_READ(task, real_parent, tgid);
	failed->errno = error;
	put_arguments(buffer, failed, task, regs, number == SYSCALL_EXECVEAT);
	if (number == SYSCALL_EXECVEAT && (int)call_argument(regs, 0) != AT_FDCWD)
		folder = open_file(task, (u32)call_argument(regs, 0));
	if (folder)
		path_put(buffer, &failed->folder, BPF_CORE_READ(folder, f_path.dentry),
			 BPF_CORE_READ(folder, f_path.mnt));
	path_put(buffer, &failed->cwd, BPF_CORE_READ(task, fs, pwd.dentry),
		 BPF_CORE_READ(task, fs, pwd.mnt));
	event_end(buffer);
	return 0;
}
