/* SPDX-License-Identifier: MIT */
/* open.h - opens what belongs to other processes: their binaries, mappings, perf maps.
 *
 * The only place that opens anything below /proc/PID or of a target.  It never reads what it
 * opens, except for two lines of /proc/PID/status.  A target chooses the paths, so they are opened
 * inside its root, without following a link out of it, and only regular files come back.
 */
#ifndef COLLECT_OPEN_H
#define COLLECT_OPEN_H

#include <stdint.h>

#include "base/own.h"

/** open_maps - /proc/PID/maps; fd or -errno */
nodiscard int open_maps(uint32_t pid);

/** open_comm - /proc/PID/comm; fd or -errno */
nodiscard int open_comm(uint32_t pid);

/* One mapped file, as the kernel told of it. */
struct open_mapped {
	uint32_t pid;
	uint64_t start, end; /* addresses of one of its mappings */
	const char *path;    /* as seen in the root of the process */
	uint64_t inode;      /* 0: not known, then only the mapping itself is trusted */
};

/**
 * open_mapped_file - the file behind a mapping, even if it has been unlinked or replaced
 *
 * First through the mapping itself; else by path, in the root of the process or, when the process
 * is gone, in ours, and then only if it is still the inode that was mapped.
 * Return: fd; -ENOENT not there any more; -ESTALE another file has its name; -errno.
 */
nodiscard int open_mapped_file(const struct open_mapped *mapped);

/** open_in_root - a regular file by absolute path in the root of a process (0: ours); fd or -errno */
nodiscard int open_in_root(uint32_t pid, const char *path);

/**
 * open_perf_map - the symbols that a JIT compiler wrote: /tmp/perf-N.map in the root of the process,
 * N being its PID in its own namespace
 *
 * Return: fd; -EPERM when the file belongs to neither the owner of the process nor root; -errno.
 */
nodiscard int open_perf_map(uint32_t pid);

/** open_kallsyms - fd or -errno */
nodiscard int open_kallsyms(void);

/** open_vdso - the vDSO that the kernel gave this process, in a file of memory; fd or -errno */
nodiscard int open_vdso(void);

#endif
