/* SPDX-License-Identifier: MIT */
/* daemon.h - `kymo serve`: a loop that answers, a thread that records, threads that look things up.
 *
 *     signals, timers ─┐
 *     HTTP clients ────┼─> loop (this thread) ──jobs──> pool ──┐
 *     pool, ingest ────┘        ^                              │ read
 *                               └──── committed ──── ingest ──> store
 *
 * SIGTERM and SIGINT end it in good order; SIGHUP reads the settings again and switches what can be
 * switched while it runs.
 */
#ifndef SERVE_DAEMON_H
#define SERVE_DAEMON_H

#include "base/log.h"
#include "serve/config.h"

struct daemon_request {
	struct config *config;
	/* Reads the settings again as at the start, over what config_init() made.  Return: 0; -errno with
	 * fail() said.
	 */
	int (*read_settings)(const void *context, struct config *config);
	const void *context; /* its */
	struct log log;
	void (*listening)(const char *url); /* called once; NULL */
};

/** daemon_run - until a signal.  Return: 0; -errno with fail() said */
nodiscard int daemon_run(const struct daemon_request *request);

#endif
