/* SPDX-License-Identifier: Dual MIT/GPL */
/* process.bpf.c - fork, exec and exit of processes; threads are not told apart from their process. */
#include "collect/process/process.wire.h"
#include "collect/process/usage.bpf.h"
#include "probe/argv.bpf.h"
#include "probe/path.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define FILE_BYTES   1024
#define PROCESS_MAX  16384 /* with several threads, at once */
#define CORE_DUMPED  0x80  /* in an exit code */
#define NOT_MEASURED (~0ull)

/* What threads that are gone waited for a CPU: the kernel keeps no sum of it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, PROCESS_MAX);
	__type(key, u32); /* tgid */
	__type(value, u64);
} delays SEC(".maps");

SEC("raw_tp/sched_process_fork")
int process_on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (void *)ctx->args[0], *child = (void *)ctx->args[1];
	u32 ppid = BPF_CORE_READ(parent, tgid);
	struct process_fork *fork;

	if ((u32)BPF_CORE_READ(child, tgid) == ppid || !event_wants(child))
		return 0;
	fork = event_new(process_fork, child);
	if (fork) {
		fork->ppid = ppid;
		event_send(fork);
	}
	return 0;
}

SEC("raw_tp/sched_process_exec")
int process_on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	struct linux_binprm *image = (void *)ctx->args[2];
	const char *file = BPF_CORE_READ(image, filename);
	struct event_buffer *buffer;
	struct process_exec *exec;

	if (!event_wants(task))
		return 0;
	buffer = event_begin(process_exec, task);
	if (!buffer)
		return 0;
	exec = event_in(buffer);
	exec->ppid = BPF_CORE_READ(task, real_parent, tgid);
	exec->is_script = BPF_CORE_READ(image, interp) != file;
	event_put_kernel(buffer, &exec->file, file, FILE_BYTES);
	argv_put(buffer, &exec->argv, task, &exec->argv_length);
	exec->argv_cut = exec->argv_length > exec->argv.bytes;
	path_put(buffer, &exec->cwd, BPF_CORE_READ(task, fs, pwd.dentry),
		 BPF_CORE_READ(task, fs, pwd.mnt));
	event_end(buffer);
	return 0;
}

/* What one thread waited for a CPU, added to that of its process. */
static __always_inline void keep_delay(u32 pid, u64 delay)
{
	u64 *sum = bpf_map_lookup_elem(&delays, &pid), none = 0;

	if (!sum) {
		bpf_map_update_elem(&delays, &pid, &none, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(&delays, &pid);
	}
	if (sum)
		__sync_fetch_and_add(sum, delay);
}

static __always_inline u64 take_delays(struct task_struct *task, u32 pid, u64 delay)
{
	u64 *sum = bpf_map_lookup_elem(&delays, &pid);

	if (sum) {
		delay += *sum;
		bpf_map_delete_elem(&delays, &pid);
	} else if (BPF_CORE_READ(task, signal, nr_threads) > 1 ||
		   BPF_CORE_READ(task, group_leader) != task) {
		return NOT_MEASURED; /* there was no room to keep those of the others */
	}
	return delay;
}

static __always_inline u64 max_rss(struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	u64 most;
	s64 now = 0;

	if (!mm)
		return NOT_MEASURED; /* before 6.16 it is gone by now */
	if (bpf_core_field_exists(mm->rss_stat[0].count)) {
		now = BPF_CORE_READ(mm, rss_stat[0].count) + BPF_CORE_READ(mm, rss_stat[1].count) +
		      BPF_CORE_READ(mm, rss_stat[3].count); /* files, memory, shared memory */
	} else {
		struct mm_struct___old *old = (void *)mm;

		now = BPF_CORE_READ(old, rss_stat.count[0].counter) +
		      BPF_CORE_READ(old, rss_stat.count[1].counter) +
		      BPF_CORE_READ(old, rss_stat.count[3].counter);
	}
	most = BPF_CORE_READ(mm, hiwater_rss);
	if (now > 0 && (u64)now > most)
		most = now;
	return most * PAGE_SIZE;
}

SEC("raw_tp/sched_process_exit")
OPTIONAL("process: exits, and what was used by then")
int process_on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	u64 delay = BPF_CORE_READ(task, sched_info.run_delay);
	u32 pid = BPF_CORE_READ(task, tgid), code;
	struct event_buffer *buffer;
	struct process_exit *exit;
	struct usage usage = {};

	if (BPF_CORE_READ(task, signal, live.counter)) {
		keep_delay(pid, delay);
		return 0;
	}
	delay = take_delays(task, pid, delay);
	if (!event_wants(task))
		return 0;
	buffer = event_begin(process_exit, leader);
	if (!buffer)
		return 0;
	exit = event_in(buffer);
	exit->ppid = BPF_CORE_READ(task, real_parent, tgid);
	/* That of the process, else of whoever leads it; not of the last thread. */
	code = BPF_CORE_READ(task, signal, group_exit_code) ?: BPF_CORE_READ(leader, exit_code);
	exit->exit_code = code >> 8 & 0xff;
	exit->exit_signal = code & 0x7f;
	exit->core_dumped = code & CORE_DUMPED;
	exit->duration = exit->event.at - BPF_CORE_READ(leader, start_time);
	usage_add_threads(&usage, task);
	exit->cpu = usage.cpu;
	exit->runq = delay;
	exit->max_rss = max_rss(task);
	exit->minor_faults = usage.minor;
	exit->major_faults = usage.major;
	exit->voluntary_switches = usage.voluntary;
	exit->involuntary_switches = usage.involuntary;
	exit->read = usage.read;
	exit->written = usage.written;
	exit->read_calls = usage.read_calls;
	exit->write_calls = usage.write_calls;
	argv_put(buffer, &exit->argv, task, &exit->argv_length);
	exit->argv_cut = exit->argv_length > exit->argv.bytes;
	event_end(buffer);
	return 0;
}
