/* SPDX-License-Identifier: Dual MIT/GPL */
/* runner.bpf.h - who serves which request, so that samples of CPU time can be told by request.
 *
 * A runner is a thread, in Go a goroutine: no probe tells which one a thread runs, the word in front of
 * where the thread's own memory ends does.  From reading a request to answering it its runner is at
 * that request, and what a sample finds running is charged to it.  One that has read another
 * request meanwhile works for both, and then nobody knows for whom.  An event loop does one thing at a time,
 * but what it does next (a timer's callback, what goes on with the answer of another server) begins at no hook
 * of ours: who was read last would be charged with it.
 *
 * For http.bpf.c only.
 */
#ifndef COLLECT_HTTP_RUNNER_BPF_H
#define COLLECT_HTTP_RUNNER_BPF_H

#define WORD_OF_G_BYTES 8

struct runner {
	u64 id; /* tid; address of the goroutine */
	u32 tgid;
	u32 reserved;
};

/* What a runner is at. */
struct serving {
	u64 what;   /* the newest request, by who keeps it; 0: none */
	u64 cpu_ns; /* for it, so far */
	u32 open;   /* requests that it has read and nobody answered */
	u32 reserved;
};

/* Whether a request has a runner.  It is exchanged: a request behind TLS may be answered on one thread while
 * its connection is closed, or reads the next one, on another.
 */
enum taken {
	TAKEN_NOT,
	TAKEN_IS,
	TAKEN_CHANGES, /* by somebody, who reads or writes `runner` */
};

/* Of a request: its runner. */
struct served {
	struct runner runner;
	u64 cpu_ns;   /* of those that it had before */
	u32 taken;    /* enum taken */
	u8 cpu;       /* enum http_cpu */
	u8 is_thread; /* what its runner is */
	u8 reserved[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, HTTP_RUNNERS_MAX);
	__type(key, struct runner);
	__type(value, struct serving);
} runners SEC(".maps");

/* By tgid; user space looks at their programs. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, HTTP_PROCESSES_MAX);
	__type(key, u32);
	__type(value, struct http_runtime);
} runtimes SEC(".maps");

#if defined(__TARGET_ARCH_x86)
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct thread_struct {
	unsigned long fsbase;
};

struct task_struct___x86 {
	struct thread_struct thread;
};
#pragma clang attribute pop

/* Where the current thread's own memory ends. */
static __always_inline u64 thread_pointer(void)
{
	return BPF_CORE_READ((struct task_struct___x86 *)bpf_get_current_task(), thread.fsbase);
}
#else
static __always_inline u64 thread_pointer(void)
{
	return 0;
}
#endif

/* Return: whether it can be told. */
static __always_inline bool runner_of(const struct http_runtime *runtime, u64 ids, u64 *ret_id)
{
	if (runtime->runner == HTTP_RUNNER_THREAD) {
		*ret_id = (u32)ids;
		return true;
	}
	return runtime->runner == HTTP_RUNNER_GOROUTINE &&
	       !bpf_probe_read_user(ret_id, WORD_OF_G_BYTES,
				    (void *)(thread_pointer() + runtime->g_offset)) &&
	       *ret_id;
}

static __always_inline struct serving *serving_of(const struct runner *runner)
{
	const struct serving none = {};
	struct serving *serving = bpf_map_lookup_elem(&runners, runner);

	if (serving)
		return serving;
	bpf_map_update_elem(&runners, runner, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&runners, runner);
}

static __always_inline bool served_change(struct served *served, u32 from, u32 to)
{
	return __sync_val_compare_and_swap(&served->taken, from, to) == from;
}

/* A runner begins with a request. */
static __always_inline void served_take_by(struct served *served, u64 what, u64 id, u32 tgid)
{
	struct serving *serving;
	u32 next = TAKEN_NOT;

	if (!served_change(served, TAKEN_NOT, TAKEN_CHANGES)) {
		served->cpu = HTTP_CPU_MOVED;
		return;
	}
	served->runner = (struct runner){ .id = id, .tgid = tgid };
	serving = serving_of(&served->runner);
	if (!serving) {
		served->cpu = HTTP_CPU_NO_ROOM;
	} else {
		if (served->cpu != HTTP_CPU_SHARED)
			served->cpu = serving->open ? HTTP_CPU_SHARED : HTTP_CPU_KNOWN;
		serving->what = what;
		serving->cpu_ns = 0;
		__sync_fetch_and_add(&serving->open, 1);
		next = TAKEN_IS;
	}
	served_change(served, TAKEN_CHANGES, next);
}

/* It is done with it: whoever comes first. */
static __always_inline void served_release(struct served *served, u64 what)
{
	struct serving *serving;

	if (!served_change(served, TAKEN_IS, TAKEN_CHANGES))
		return;
	serving = bpf_map_lookup_elem(&runners, &served->runner);
	if (!serving) {
		served->cpu = HTTP_CPU_NO_ROOM;
	} else {
		if (serving->open)
			__sync_fetch_and_add(&serving->open, -1);
		if (serving->what != what) {
			served->cpu = HTTP_CPU_SHARED;
		} else {
			served->cpu_ns += serving->cpu_ns;
			serving->what = 0;
		}
	}
	served_change(served, TAKEN_CHANGES, TAKEN_NOT);
}

/* The runner of the current thread.  Return: whether it is known; if not, why is in served->cpu */
static __always_inline bool served_runner(struct served *served, u64 ids, u64 *ret_id)
{
	u32 tgid = ids >> 32;
	struct http_runtime *runtime;

	if (!options.sample_ns) {
		served->cpu = HTTP_CPU_OFF;
		return false;
	}
	runtime = bpf_map_lookup_elem(&runtimes, &tgid);
	if (!runtime || runtime->runner == HTTP_RUNNER_UNKNOWN) {
		served->cpu = HTTP_CPU_STRANGER;
		return false;
	}
	served->is_thread = runtime->runner == HTTP_RUNNER_THREAD;
	if (runner_of(runtime, ids, ret_id))
		return true;
	served->cpu = HTTP_CPU_ODD;
	return false;
}

/* The current thread reads a request: from now on it, or its goroutine, is at it.
 *
 * With a stack of its own: that of the caller has a place where only a dynptr may be.
 */
static __noinline void served_read(struct served *served, u64 what)
{
	u64 ids = target_pid_tgid(), id;

	if (!served_runner(served, ids, &id))
		return;
	if (served->taken == TAKEN_IS) {
		if (served->runner.id == id)
			return;
		served_release(served, what);
	}
	served_take_by(served, what, id, ids >> 32);
}

/* The current thread answers it. */
static __always_inline void served_answered(struct served *served, u64 what)
{
	u64 ids, id;

	if (served->taken != TAKEN_IS)
		return;
	served_release(served, what);
	if (served->cpu != HTTP_CPU_KNOWN)
		return;
	ids = target_pid_tgid();
	id = (u32)ids;
	if ((served->is_thread || served_runner(served, ids, &id)) && id != served->runner.id)
		served->cpu = HTTP_CPU_MOVED;
}

/* A process runs another program from here on: what it was is not what it is, until somebody has looked. */
SEC("raw_tp/sched_process_exec")
int http_exec(struct bpf_raw_tracepoint_args *ctx)
{
	u32 tgid = target_pid_tgid() >> 32;

	bpf_map_delete_elem(&runtimes, &tgid);
	return 0;
}

/* A new process runs the program of the one that made it; its number may have been that of another one. */
SEC("raw_tp/sched_process_fork")
int http_fork(struct bpf_raw_tracepoint_args *ctx)
{
	u32 parent = target_tgid((struct task_struct *)ctx->args[0]);
	u32 child = target_tgid((struct task_struct *)ctx->args[1]);
	struct http_runtime *runtime, copy;

	if (parent == child)
		return 0;
	runtime = bpf_map_lookup_elem(&runtimes, &parent);
	if (runtime) {
		copy = *runtime;
		bpf_map_update_elem(&runtimes, &child, &copy, BPF_ANY);
	} else {
		bpf_map_delete_elem(&runtimes, &child);
	}
	return 0;
}

/* Taken by a clock that goes while a CPU is used. */
SEC("perf_event")
int http_sample(void *ctx)
{
	struct runner runner = {};
	struct http_runtime *runtime;
	struct serving *serving;
	u64 ids = target_pid_tgid();
	u32 tgid = ids >> 32;

	if (!control.armed)
		return 0;
	runtime = bpf_map_lookup_elem(&runtimes, &tgid);
	if (!runtime || !runner_of(runtime, ids, &runner.id))
		return 0;
	runner.tgid = tgid;
	serving = bpf_map_lookup_elem(&runners, &runner);
	if (serving && serving->what)
		serving->cpu_ns += options.sample_ns;
	return 0;
}

#endif
