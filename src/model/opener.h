/* SPDX-License-Identifier: MIT */
/* opener.h - how code that must not open anything of a target asks for a descriptor.
 *
 * collect/ fills it in (it has the privileges and knows the processes); resolve/ and elf/ call it.
 * Every function returns a descriptor that the caller closes, opened read-only and checked to be a
 * regular file (kallsyms and maps: procfs), or -errno without fail(): absence is ordinary.
 */
#ifndef MODEL_OPENER_H
#define MODEL_OPENER_H

#include "model/profile.h"

struct opener {
	void *context;
	/* The mapped file itself, even if it has been replaced or unlinked since. */
	int (*open_file)(void *context, const struct profile *profile, uint32_t file);
	/* A separate debug file by absolute path, as the processes that mapped `file` see it, then
	 * as the host sees it.
	 */
	int (*open_beside)(void *context, const struct profile *profile, uint32_t file,
			   const char *path);
	/* The debug file of a build-id from a server; NULL: nobody is asked. */
	int (*open_remote)(void *context, const char *build_id);
	/* /tmp/perf-N.map of a process in its own mount and PID namespace. */
	int (*open_perf_map)(void *context, const struct profile *profile, uint32_t process);
	/* A jitdump file that a process maps (its path is that of an ordinary mapped file). */
	int (*open_jitdump)(void *context, const struct profile *profile, uint32_t process);
	int (*open_kallsyms)(void *context);
	/* Whether an address is in a BPF program that is loaded now; NULL: not known. */
	bool (*is_bpf)(void *context, uint64_t address);
	/* The vDSO of this kernel as an ELF file. */
	int (*open_vdso)(void *context);
};

#endif
