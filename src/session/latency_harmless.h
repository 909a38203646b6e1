/* SPDX-License-Identifier: MIT */
/* latency_harmless.h - functions whose return address can be replaced without harm. */
#ifndef SESSION_LATENCY_HARMLESS_H
#define SESSION_LATENCY_HARMLESS_H

#include <stdbool.h>

/**
 * latency_calls_nobody - whether a function of a library is known to call nothing that belongs to somebody
 * else, and to be no point where a thread can be cancelled
 * @path: of the library, with its file name as Debian has it
 *
 * Then nobody unwinds through its frame and no stack is exchanged in the middle of it, in whatever
 * program: goroutines and coroutines never run inside of it.  What is not on the list may do so.
 */
bool latency_calls_nobody(const char *path, const char *name);

#endif
