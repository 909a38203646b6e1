/* SPDX-License-Identifier: Dual MIT/GPL */
/* clock-later-old.bpf.c - clock.bpf.h with user stacks that are walked later, on 6.18 and 6.19. */
#define SAMPLE_LATER
#define TASK_WORK_OLD
#include "collect/cpu/clock.bpf.h"
