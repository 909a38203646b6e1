/* SPDX-License-Identifier: MIT */
/* tiers.h - what is measured only when asked for, as every system call of the machine pays for it.  Private
 * to this folder.
 *
 * These programs share the maps of members with the balance, which light skeletons cannot: they are
 * loaded by libbpf, which takes some 25 ms more.
 */
#ifndef COLLECT_BALANCE_TIERS_H
#define COLLECT_BALANCE_TIERS_H

#include "base/hash.h"
#include "collect/balance/programs.h"
#include "model/account.h"

struct bpf_object;
struct ring_buffer;

/* Where the path of a file is. */
struct tier_path {
	struct balance_file_key key;
	uint32_t text; /* offset in the account's */
};

struct tiers {
	struct account *account;
	struct bpf_object *syscalls, *files; /* NULL: not asked for */
	struct ring_buffer *paths;
	vec(struct tier_path) path_rows;
	struct index path_index;
	vec(int) links;
	bool latency; /* with the exits of system calls */
	int drain_err;
};

/**
 * tiers_open - load what is asked for
 * @latency: of system calls also their times and errors
 *
 * Return: 0; -ENOMEM; -errno with fail() said.  Call tiers_close() in any case.
 */
nodiscard int tiers_open(struct tiers *tiers, struct account *account,
			 const struct balance_programs *programs, bool syscalls, bool latency,
			 bool files);

/** tiers_start - attach, and measure what a system call costs others by that.  As tiers_open() */
nodiscard int tiers_start(struct tiers *tiers);
nodiscard int tiers_drain(struct tiers *tiers);
void tiers_stop(struct tiers *tiers);

/** tiers_finish - what was counted goes into the account; once, after the stop.  As tiers_open() */
nodiscard int tiers_finish(struct tiers *tiers);
void tiers_close(struct tiers *tiers);

#endif
