/* SPDX-License-Identifier: MIT */
/* watched.h - the function whose p99 a trigger looks at: a measurement of latencies without end, read in
 * windows of `for_s` seconds.  Of the thread that writes the store.
 */
#ifndef SERVE_WATCHED_H
#define SERVE_WATCHED_H

#include "serve/timings.h"

struct watched_window {
	bool is_over;    /* one has just ended */
	uint64_t p99_ns; /* of its calls; LATENCY_NONE: they were too few to tell */
	uint64_t calls;
	const char *lacks; /* why nothing is measured; NULL */
};

struct watched;

/** watched_new - @config, @timings: borrowed for good.  Return: 0; -ENOMEM */
nodiscard int watched_new(const struct config *config, struct timings *timings,
			  struct watched **ret_watched);
void watched_free(struct watched *watched);

/** watched_start - look for the function and probe it, if there is one in the settings; it may take a second */
void watched_start(struct watched *watched);
void watched_read(struct watched *watched, uint64_t now_mono_ns, struct watched_window *ret_window);

#endif
