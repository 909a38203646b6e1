/* SPDX-License-Identifier: Dual MIT/GPL */
/* later.bpf.c - task work by the kernel function of 7.0 and later. */
#include "collect/ability/work.bpf.h"
