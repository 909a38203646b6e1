/* SPDX-License-Identifier: MIT */
/* syscalls.h - what system calls are called, and what they are about. */
#ifndef MODEL_SYSCALLS_H
#define MODEL_SYSCALLS_H

#include <stddef.h>

/** syscall_name - by number of this machine's architecture; NULL where none is known */
const char *syscall_name(unsigned number);

/* What a call is about. */
enum syscall_category {
	SYSCALL_FILE_IO,
	SYSCALL_MEMORY,
	SYSCALL_PROCESS,
	SYSCALL_NETWORK,
	SYSCALL_TIME,
	SYSCALL_IPC,
	SYSCALL_SECURITY,
	SYSCALL_SIGNAL,
	SYSCALL_SYSTEM,
	SYSCALL_OTHER,
	SYSCALL_CATEGORY_COUNT
};

/** syscall_category - by name; NULL: other */
enum syscall_category syscall_category(const char *name);

extern const char *const syscall_categories[SYSCALL_CATEGORY_COUNT];

#endif
