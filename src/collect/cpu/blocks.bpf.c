/* SPDX-License-Identifier: Dual MIT/GPL */
/* blocks.bpf.c - blocks.bpf.h with the kernel function of 7.0 and later. */
#include "collect/cpu/blocks.bpf.h"
