/* SPDX-License-Identifier: Dual MIT/GPL */
/* tick-later.bpf.c - tick.bpf.h with user stacks that are walked later, on kernels from 7.0 on. */
#define SAMPLE_LATER
#include "collect/cpu/tick.bpf.h"
