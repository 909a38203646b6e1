/* SPDX-License-Identifier: MIT */
/* stack.wire.h - what a captured stack looks like on both sides of the kernel boundary. */
#ifndef PROBE_STACK_WIRE_H
#define PROBE_STACK_WIRE_H

#define STACK_MAX_KERNEL   127  /* the kernel's default of perf_event_max_stack */
#define STACK_MAX_USER     1016 /* frames; deeper stacks end with STACK_STOP_DEPTH */
#define STACK_KERNEL_SLOTS 128  /* room for STACK_MAX_KERNEL */
#define STACK_USER_SLOTS   1024 /* room for STACK_MAX_USER, a power of two */

/* Why the walk over a user stack ended. */
enum stack_stop {
	STACK_STOP_NONE,      /* no user stack: a kernel thread, or not asked for */
	STACK_STOP_ROOT,      /* at the first frame of the thread */
	STACK_STOP_BAD_FRAME, /* the frame pointer is none: odd, or not above the one before */
	STACK_STOP_FAULT,     /* memory not mapped or not resident */
	STACK_STOP_DEPTH,     /* deeper than STACK_MAX_USER */
	STACK_STOP_COMPAT,    /* a 32-bit program */
	STACK_STOP_NO_CODE,   /* where the caller should be, no code is mapped */
	STACK_STOP_HARD,      /* call frame information of a kind that is not followed */
	STACK_STOP_NO_TABLE,  /* no call frame information was at hand in time */
	STACK_STOP_RAW,       /* the same, but the rest of the stack comes along: enum unwind_raw */
	STACK_STOP_STAYED, /* it was to be walked on the way to user mode, where the thread never came */
	STACK_STOP_LOST, /* its record was lost */
	STACK_STOP_COUNT
};

#endif
