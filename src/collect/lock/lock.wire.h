/* SPDX-License-Identifier: MIT */
/* lock.wire.h - threads that sleep for a lock: a futex in their memory, or a lock of the kernel's. */
#ifndef COLLECT_LOCK_WIRE_H
#define COLLECT_LOCK_WIRE_H

#include "probe/event.wire.h"

/* What the word of a futex and the call tell of it.
 *
 * pi     the kernel's own lock: its word names the thread that holds it
 * owned  its word names the thread that holds it: robust mutexes, and those of musl
 * mutex  its word was 2, which in mutexes of glibc, Rust and Go says: held, and waited for
 * wait   anything else: condition variables, semaphores, threads with nothing to do
 */
enum lock_kind {
	LOCK_KIND_PI,
	LOCK_KIND_OWNED,
	LOCK_KIND_MUTEX,
	LOCK_KIND_WAIT
};

enum lock_kernel_kind {
	LOCK_KERNEL_KIND_MUTEX,
	LOCK_KERNEL_KIND_READER, /* of a semaphore for readers and writers */
	LOCK_KERNEL_KIND_WRITER,
	LOCK_KERNEL_KIND_PERCPU,
	LOCK_KERNEL_KIND_RT_MUTEX
};

struct lock_wait {
	struct event event;
	unit_ns duration HELP("until it ran again");
	enum lock_kind kind HELP("pi, owned, mutex, or wait: for anything else than a lock");
	u64 address HELP("of the futex");
	id_tid holder HELP("thread of the process that held it when the wait began");
	char holder_comm[EVENT_COMM] HELP("its name");
};

struct lock_key {
	id_pid pid HELP("process");
	enum lock_kind kind HELP("pi, owned, mutex, or wait: for anything else than a lock");
	u64 address HELP("of the futex");
};

struct lock_value {
	unit_count count HELP("waits");
	char comm[EVENT_COMM] HELP("name of the thread that waited last");
	struct histogram latency HELP("how long they took");
};

struct lock_kernel_wait {
	struct event event;
	unit_ns duration HELP("until it had the lock");
	enum lock_kernel_kind kind;
	u64 address HELP("of the lock");
};

struct lock_kernel_key {
	id_pid pid HELP("process");
	enum lock_kernel_kind kind;
};

#endif
