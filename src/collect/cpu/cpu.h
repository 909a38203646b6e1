/* SPDX-License-Identifier: MIT */
/* cpu.h - samples of what the CPUs execute, from the best source that works here.
 *
 *     tick      BPF inside the scheduler's tick: no interrupt of its own, rates up to HZ
 *     clock     BPF on a cpu-clock timer per CPU: any rate
 *     hardware  BPF on the cycle counter: only when asked for
 *     perf      perf_event_open() without BPF: an ordinary user's own processes, user stacks
 *
 * Everything is loaded and opened by cpu_open(); cpu_start() only switches it on.  Call from one
 * thread.
 */
#ifndef COLLECT_CPU_CPU_H
#define COLLECT_CPU_CPU_H

#include <sys/types.h>

#include "collect/unwind_tables.h"
#include "model/batch.h"
#include "model/coverage.h"
#include "probe/target.wire.h"

enum cpu_timer {
	CPU_TIMER_BEST,
	CPU_TIMER_TICK,
	CPU_TIMER_CLOCK,
	CPU_TIMER_HARDWARE,
	CPU_TIMER_SWITCH /* not a timer: context switches; chosen by enum cpu_time */
};

/* What time is asked for. */
enum cpu_time {
	CPU_TIME_ON,   /* on a CPU, by samples */
	CPU_TIME_OFF,  /* waiting, measured */
	CPU_TIME_WALL, /* both */
};

/* How user stacks are walked. */
enum cpu_unwind {
	CPU_UNWIND_BEST,
	CPU_UNWIND_INTERRUPT, /* by tables, where the sample is taken or the wait begins */
	CPU_UNWIND_DEFERRED,  /* by tables, before the thread returns to user mode */
	CPU_UNWIND_FP,        /* by frame pointers */
};

struct cpu_request {
	enum target_kind kind;
	const uint32_t *ids; /* TARGET_PROCESS: processes; TARGET_THREAD: threads */
	size_t id_count;
	const char *cgroup; /* TARGET_CGROUP: directory, or path below a cgroup mount */
	pid_t launch;       /* a child of ours that will execute a program; 0: none */
	uint32_t rate_hz;   /* samples per CPU and second */
	enum cpu_timer timer;
	enum cpu_time time;
	uint64_t min_block_ns;       /* CPU_TIME_OFF: shorter waits are added up */
	bool want_user, want_kernel; /* stacks */
	bool wakers;                 /* of waits: who ended them */
	bool every_sample;           /* no counting in the kernel */
	enum cpu_unwind unwind;
	size_t unwind_bytes;      /* of kernel memory for unwind tables; 0: CPU_UNWIND_BYTES */
	bool without_bpf;         /* as if loading BPF were not permitted */
	struct cpu_spare **spare; /* taken where it suits, then NULL (spare.h); may be NULL */
};

#define CPU_UNWIND_BYTES (24u << 20)

struct cpu;

/**
 * cpu_open - prepare to sample
 *
 * Return: 0; -ESRCH no such process or thread; -EPERM or -EACCES not permitted; -ENOTSUP the kernel
 * lacks what was asked for; -errno; always with fail() said.
 */
nodiscard int cpu_open(const struct cpu_request *request, struct cpu **ret_cpu);
nodiscard int cpu_start(struct cpu *cpu);

/** cpu_stop - no sample is taken after this returns; what was taken can still be drained */
void cpu_stop(struct cpu *cpu);
void cpu_close(struct cpu *cpu);
own_define(struct cpu, cpu_close)

/** cpu_drain - append what the kernel has gathered to @batch: samples, then process events */
nodiscard int cpu_drain(struct cpu *cpu, struct batch *batch);

/** cpu_drain_counts - append and clear the counts of repeated samples; after cpu_drain() */
nodiscard int cpu_drain_counts(struct cpu *cpu, struct batch *batch);

/** cpu_descriptor - readable when a drain is due before its time, for poll() */
int cpu_descriptor(const struct cpu *cpu);

/** cpu_is_over - whether everything that was chosen by PID or TID, and its children, has ended */
bool cpu_is_over(const struct cpu *cpu);

/** cpu_describe - set the mode and note what this source cannot measure */
nodiscard int cpu_describe(const struct cpu *cpu, struct coverage *coverage);

/** cpu_unwind_tables - where the kernel side looks rules up; NULL when it uses frame pointers */
struct unwind_tables *cpu_unwind_tables(const struct cpu *cpu);

/** cpu_count - CPUs that are sampled */
uint32_t cpu_count(const struct cpu *cpu);

#endif
