/* SPDX-License-Identifier: MIT */
/* living.h - whether processes that were seen to begin are still there, asked one by one. */
#ifndef SESSION_LIVING_H
#define SESSION_LIVING_H

#include <stdbool.h>
#include <stdint.h>

/** living_works - whether the numbers of processes in records are those that can be asked for here */
bool living_works(void);

/**
 * living_look - whether a process is there
 * @ticks: 0, or what it was the last time: another number is another process
 *
 * Return: 1; 0 it is gone; -ESRCH there is no process, but a thread, of this number.
 */
int living_look(uint32_t pid, uint64_t *ticks);

#endif
