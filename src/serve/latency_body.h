/* SPDX-License-Identifier: MIT */
/* latency_body.h - what a measurement of latencies should be, from the body of a request. */
#ifndef SERVE_LATENCY_BODY_H
#define SERVE_LATENCY_BODY_H

#include "base/vec.h"
#include "serve/message.h"
#include "serve/timing.h"

#define LATENCY_WORDS_MAX 64 /* as of the command */

struct latency_words {
	vec(char *) list;
};

struct latency_wish {
	struct timing_request request;
	struct latency_words functions, args;
};

/** latency_body_read - @wish: zeroed; latency_wish_done() either way.  0; -EINVAL with fail() said; -ENOMEM */
nodiscard int latency_body_read(const struct request *request, const struct config *config,
				struct latency_wish *wish);
void latency_wish_done(struct latency_wish *wish);

#endif
