/* SPDX-License-Identifier: Dual MIT/GPL */
/* clock-later.bpf.c - clock.bpf.h with user stacks that are walked later, on kernels from 7.0 on. */
#define SAMPLE_LATER
#include "collect/cpu/clock.bpf.h"
