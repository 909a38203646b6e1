/* SPDX-License-Identifier: Dual MIT/GPL */
/* blocks-now.bpf.c - blocks.bpf.h for kernels without task work, before 6.18. */
#define BLOCKS_NOW
#include "collect/cpu/blocks.bpf.h"
