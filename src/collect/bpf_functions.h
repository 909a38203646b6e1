/* SPDX-License-Identifier: MIT */
/* bpf_functions.h - where the compiled code of loaded BPF programs lies.
 *
 * /proc/kallsyms says where a program's functions begin but not where they end, and memory of a program
 * that is gone may follow.
 */
#ifndef COLLECT_BPF_FUNCTIONS_H
#define COLLECT_BPF_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct bpf_function {
	uint64_t start, end;
};

struct bpf_functions {
	vec(struct bpf_function) functions; /* by address */
};

/** bpf_functions_read - those that are loaded now; none where they may not be seen.  0; -ENOMEM */
nodiscard int bpf_functions_read(struct bpf_functions *functions);

/** bpf_functions_hold - whether an address is in one of them */
bool bpf_functions_hold(const struct bpf_functions *functions, uint64_t address);
void bpf_functions_done(struct bpf_functions *functions);

#endif
