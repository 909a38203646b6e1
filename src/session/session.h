/* SPDX-License-Identifier: MIT */
/* session.h - one run of the profiler, from the first sample to the last line of output.
 *
 *     recording --profile--> sink
 *
 * Drains the kernel's buffers every RECORDING_DRAIN_MS, and in the end has the frames named and
 * written.  One thread; signals are taken by descriptor.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "model/sink.h"
#include "session/recording.h"

struct session_request {
	struct cpu_request cpu;
	char *const *command; /* closed by NULL; NULL: none */
	uint64_t duration_ns; /* 0: until a signal, or until the command ends */
	struct resolver_options naming;
	bool debuginfod; /* ask servers for debug files */
	const struct sink *sink;
	FILE *out;
	struct sink_options options;
	/* Called about once a second while sampling, and once with `is_naming` behind it; or NULL. */
	void (*progress)(const struct profile *profile, uint64_t elapsed_ns, bool is_naming);
};

/**
 * session_run - profile, name and write
 * @ret_profile: what was found, for a closing word; set on success only; the caller frees it
 * @ret_status:  exit status of the command as a shell tells it, 0 without one
 *
 * Sampling also ends when all that was chosen by PID or TID, and its children, has ended.
 * SIGINT and SIGTERM end the sampling, not the session.  With a command they are its business: the
 * first is passed on to it, the second ends the sampling.  One that comes while frames are named
 * and written ends the program.
 * Return: 0; a positive exit status when the command could not be executed, with fail() said;
 * -errno with fail() said.
 */
nodiscard int session_run(const struct session_request *request, struct profile **ret_profile,
			  int *ret_status);

#endif
