/* SPDX-License-Identifier: MIT */
/* spare.h - programs that take samples in the timer tick, loaded ahead: the kernel's check of them is nearly
 * all of what a profile needs to begin.
 *
 *     cpu_spare_load ──> cpu_request.spare ──cpu_open()──> taken, where it suits; else left
 *
 * Nothing is attached, and nothing of it is mapped but two pages: until it is taken it costs no time, and
 * kernel memory alone, of which its ring is most.  An object belongs to one thread at a time.
 */
#ifndef COLLECT_CPU_SPARE_H
#define COLLECT_CPU_SPARE_H

#include "base/own.h"

struct cpu_spare;

/** cpu_spare_load - Return: 0; -EPERM; -ENOTSUP; -ENOMEM; -errno; with fail() said */
nodiscard int cpu_spare_load(struct cpu_spare **ret_spare);
void cpu_spare_free(struct cpu_spare *spare);
own_define(struct cpu_spare, cpu_spare_free)

#endif
