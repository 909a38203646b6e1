/* SPDX-License-Identifier: MIT */
/* cpu.wire.h - one CPU sample, and the counts that stand for repeated ones.
 *
 * With `counted` the first sample of a (thread, name, stack) goes through the ring with its key;
 * those that follow only add to `counts[key]`, which user space reads and clears.  Without it, and
 * whenever `counts` is full, every sample goes through the ring: no sample depends on room in a
 * map.
 */
#ifndef COLLECT_CPU_WIRE_H
#define COLLECT_CPU_WIRE_H

#include "probe/reason.wire.h"
#include "probe/stack.wire.h"
#include "probe/target.wire.h"
#include "probe/unit.h"

#define CPU_COUNTS_MAX 16384

enum cpu_record {
	CPU_RECORD_SAMPLE, /* whole, of a thread that ran or, with a reason, that waited */
	CPU_RECORD_PART,   /* the same without its user stack, which comes in a USER */
	CPU_RECORD_USER,   /* of all PARTs of the thread with the same key */
	CPU_RECORD_WAKER,  /* who ended a wait; comes before it */
	CPU_RECORD_SUMS    /* of a thread that ended, or at the end: user frames are enum cpu_sum */
};

enum cpu_wakening {
	CPU_WOKEN_BY_THREAD,
	CPU_WOKEN_IN_INTERRUPT /* that came while the waker ran, or that it caused */
};

enum cpu_sum {
	CPU_SUM_SHORT_NS,
	CPU_SUM_SHORT,
	CPU_SUM_RUNQ_NS,
	CPU_SUM_RUNQ,
	CPU_SUMS
};

#define CPU_WORKS_MAX 65536 /* threads whose user stack is to be walked */
#define CPU_KEPT_MAX  255   /* user frames of a wait that are kept until its end */

/* What a thread has waited so far, and since when it is not running. */
struct cpu_wait {
	unit_mono_ns left_at; /* when it was switched out; 0: it runs */
	unit_ns ran, delayed; /* so far, as the kernel counts, when it was switched out */
	unit_ns short_ns, runq_ns;
	unit_count shorts, runqs;
	id_pid pid;
	id_tid tid;
	u32 kernel_tid; /* as the kernel numbers it */
	u32 state;      /* that it was switched out in; 0: it waits for a CPU */
	u8 call_reason; /* of its last wait, if it was in a system call and long enough to ask */
	u8 pad[7];
};

struct cpu_sample {
	unit_mono_ns at;
	unit_ns weight; /* the time that this one sample stands for */
	u64 key; /* of later counts, 0: none will come; PART, USER: of the stay in the kernel */
	unit_mono_ns left_at; /* of a wait: when it began; WAKER: of the one that it ended */
	id_pid pid;
	id_tid tid;
	id_cpu cpu;
	u16 kernel_frames;
	u16 user_frames;
	u8 user_stop; /* enum stack_stop */
	u8 kind;      /* enum cpu_record */
	u8 reason;    /* enum block_reason; WAKER: enum cpu_wakening */
	u8 pad;
	union {
		u32 exec_id; /* PART, USER: of the program that the thread executes, the lower half */
		u32 waits;   /* WAKER: thread whose wait it ended */
	};
	char comm[16];
	u64 frames[]; /* user, leaf first; then kernel, leaf first */
};

/* Comes before the sample with STACK_STOP_RAW of the same CPU and time. */
struct cpu_raw {
	u64 none; /* 0, where a sample has its time */
	unit_mono_ns at;
	id_cpu cpu;
	u32 words;
	u64 raw[]; /* enum unwind_raw */
};

struct cpu_count {
	u64 samples;
	unit_ns weight;
};

/* Per CPU. */
struct cpu_statistics {
	u64 taken;          /* wanted samples, lost ones included */
	u64 lost;           /* the ring had no room */
	u64 counts_full;    /* repetitions that will be sent whole: `counts` had no room */
	u64 irq_regs_bad;   /* tick: samples not taken, the interrupted registers were not found */
	u64 waits_refused;  /* blocks: switches of threads for which there was no memory */
	u64 waits_torn;     /* blocks: waits whose end was not seen */
	u64 stacks_refused; /* blocks: waits without user stack, there was no memory */
};

/* Constants of the programs, set before they are loaded. */
struct cpu_options {
	u64 seed;            /* of the hash behind `key`, random for each run */
	u64 period_ns;       /* clock: between two samples of a CPU */
	u64 min_block_ns;    /* blocks: shorter ones are added up */
	u64 tick_ns;         /* tick: length of one tick */
	s64 irq_regs_offset; /* tick: per-CPU address of __irq_regs less that of tick_cpu_sched */
	s64 preempt_count_offset; /* blocks: per-CPU address of __preempt_count less that of runqueues */
	s64 queue_irq_regs_offset; /* blocks: likewise of __irq_regs */
	u32 rate_hz;               /* tick: samples per CPU and second, at most 1e9 / tick_ns */
	u8 counted;
	u8 want_user;
	u8 want_kernel;
	u8 unwind;   /* walk user stacks by the tables of unwind.wire.h */
	u8 wakers;   /* blocks: tell who ended a wait */
	u8 hardware; /* clock: the cycle counter, which does not run on a grid */
};

#endif
