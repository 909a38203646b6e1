/* SPDX-License-Identifier: MIT */
/* reason.wire.h - what a thread waited for, told by the system call that it waited in. */
#ifndef PROBE_REASON_WIRE_H
#define PROBE_REASON_WIRE_H

enum block_reason {
	BLOCK_NONE, /* it ran */
	BLOCK_DISK,
	BLOCK_FAULT, /* memory: read from disk, or locked by another thread */
	BLOCK_SOCKET,
	BLOCK_PIPE,
	BLOCK_TERMINAL,
	BLOCK_LOCK,
	BLOCK_POLL,
	BLOCK_SLEEP,
	BLOCK_CHILD,
	BLOCK_STOPPED,
	BLOCK_OTHER,
	BLOCK_UNSEEN, /* the kernel did not tell of its end */
	BLOCK_SHORT,  /* waits shorter than the threshold, added up */
	BLOCK_RUNQ,   /* waits for a CPU, added up */
	BLOCK_REASON_COUNT
};

#endif
