/* SPDX-License-Identifier: Dual MIT/GPL */
/* tick-later-old.bpf.c - tick.bpf.h with user stacks that are walked later, on 6.18 and 6.19. */
#define SAMPLE_LATER
#define TASK_WORK_OLD
#include "collect/cpu/tick.bpf.h"
