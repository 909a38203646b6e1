/* SPDX-License-Identifier: MIT */
/* reason.wire.h - what a thread waited for, told by the system call that it waited in. */
#ifndef PROBE_REASON_WIRE_H
#define PROBE_REASON_WIRE_H

enum block_reason {
	BLOCK_NONE, /* it ran */
	BLOCK_DISK,
	BLOCK_FAULT_DISK, /* memory that is read from disk */
	BLOCK_FAULT,      /* memory: locked by another thread, or filled in by one */
	BLOCK_FILE,       /* a file, but no disk: a lock of the kernel, a network file system */
	BLOCK_SOCKET,
	BLOCK_PIPE,
	BLOCK_TERMINAL,
	BLOCK_DEVICE, /* a character device that is no terminal */
	BLOCK_EVENT,  /* eventfd, timerfd, signalfd, inotify */
	BLOCK_LOCK,
	BLOCK_IPC, /* System V semaphores, message queues */
	BLOCK_POLL,
	BLOCK_SLEEP,
	BLOCK_CHILD,
	BLOCK_STOPPED,
	BLOCK_IO_URING,
	BLOCK_EXIT, /* a process that ends: its memory, its other threads */
	BLOCK_OTHER,
	BLOCK_UNSEEN, /* the kernel did not tell of its end */
	BLOCK_SHORT,  /* waits shorter than the threshold, added up */
	BLOCK_RUNQ,   /* waits for a CPU, added up */
	BLOCK_REASON_COUNT
};

#endif
