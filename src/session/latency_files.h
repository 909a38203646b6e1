/* SPDX-License-Identifier: MIT */
/* latency_files.h - opens the files whose functions somebody names. */
#ifndef SESSION_LATENCY_FILES_H
#define SESSION_LATENCY_FILES_H

#include <stdint.h>

#include "base/own.h"

struct latency_opened {
	int fd;
	char *path; /* as people know it; the caller frees it */
};

/**
 * latency_files_open - a path, a program in PATH, a library by its file name
 * @pid: 0; else what this process has mapped is looked at first, and paths are those of its root
 *
 * Return: 0; -ENOENT; -errno; with fail() said.
 */
nodiscard int latency_files_open(uint32_t pid, const char *name, struct latency_opened *ret_opened);

/**
 * latency_files_of_process - the program of a process, and what else it has mapped as code
 * @number: 0: the program; then the others one by one
 *
 * Return: 0; -ENOENT behind the last; -ESRCH no such process; -errno; with fail() said.
 */
nodiscard int latency_files_of_process(uint32_t pid, unsigned number,
				       struct latency_opened *ret_opened);

#endif
