/* SPDX-License-Identifier: Dual MIT/GPL */
/* later-old.bpf.c - task work by the kernel function of 6.18 and 6.19. */
#define TASK_WORK_OLD
#include "collect/ability/work.bpf.h"
