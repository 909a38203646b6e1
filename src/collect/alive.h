/* SPDX-License-Identifier: MIT */
/* alive.h - whether a process or thread still runs. */
#ifndef COLLECT_ALIVE_H
#define COLLECT_ALIVE_H

#include <stdint.h>

/** alive_process - 1: runs; 0: has ended, even if its parent has not taken note; -ESRCH: a thread's */
int alive_process(uint32_t pid);

/**
 * alive_since - likewise, with what tells it from a later process of the same number
 * @ret_ticks: since when, field 22 of /proc/PID/stat; untouched where that cannot be read
 */
int alive_since(uint32_t pid, uint64_t *ret_ticks);

/** alive_thread - 1 or 0; also for a thread of another process */
int alive_thread(uint32_t tid);

#endif
