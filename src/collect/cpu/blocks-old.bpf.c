/* SPDX-License-Identifier: Dual MIT/GPL */
/* blocks-old.bpf.c - blocks.bpf.h with the kernel function of 6.18 and 6.19. */
#define TASK_WORK_OLD
#include "collect/cpu/blocks.bpf.h"
