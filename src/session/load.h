/* SPDX-License-Identifier: MIT */
/* load.h - how busy this machine is, as its kernel adds it up: what /proc tells, from files that stay open.
 *
 * Everything is a sum since the machine began, in nanoseconds; whoever wants a share takes the difference
 * of two.
 */
#ifndef SESSION_LOAD_H
#define SESSION_LOAD_H

#include <stdbool.h>
#include <stdint.h>

enum load_kind {
	LOAD_CPU,       /* all CPUs together were busy; without what the host of the machine took */
	LOAD_RUN_QUEUE, /* some thread waited for a CPU */
	LOAD_IO,        /* some thread waited for a disk */
	LOAD_KINDS
};

struct load {
	int fds[LOAD_KINDS];
};

struct load_sums {
	bool has[LOAD_KINDS];
	uint64_t ns[LOAD_KINDS];
};

/** load_open - what is not there is not told by load_read() */
void load_open(struct load *load);
void load_close(struct load *load);
void load_read(const struct load *load, struct load_sums *ret_sums);

/** load_why - what such a sum needs of the kernel, where load_read() has none */
const char *load_why(enum load_kind kind);

#endif
