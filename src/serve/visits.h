/* SPDX-License-Identifier: MIT */
/* visits.h - the connections of HTTP, and how long each of them may take for what.
 *
 *     accepted ──> waiting ──request is whole──> asked ──answer is ready──> answered ──all is taken──> waiting
 *                     │                            └──> streamed               │
 *                     └── [http] request_s: cut                                └── [http] answer_s: cut
 *
 * A request has request_s from its first byte on to be whole, and a client as long until that byte: evhttp counts
 * from the last byte, so that a byte now and then would hold a place for ever.  An answer may rest for answer_s, and
 * has that time and a second for each VISIT_SLOWEST bytes to be taken.  Where places run out, whoever has waited for
 * VISIT_CROWDED_S makes room.  evhttp tells of no connection before its first request, so sockets are looked at by
 * number; one is ended by shutdown(), which evhttp takes for the client's end.  Of the loop's thread.
 */
#ifndef SERVE_VISITS_H
#define SERVE_VISITS_H

#include <stdbool.h>
#include <stdint.h>

#include "serve/config.h"
#include "serve/held.h"

#define VISIT_SLOWEST   16384 /* bytes of an answer for each second */
#define VISIT_CROWDED_S 5
#define VISIT_SPARE_S   30 /* that evhttp is more patient than we are */
#define VISIT_DESCRIPTORS_BESIDE \
	1024 /* that are no connections: programs and maps of BPF, files, rings */

struct evhttp_request;
struct visit;

struct visits_totals {
	uint64_t open; /* as far as they were seen */
	uint64_t slow_requests, slow_answers, displaced;
};

struct visits {
	const struct config *config;
	struct helds *helds;
	const char *unix_socket;
	uint16_t port;
	vec(struct visit *) list; /* by descriptor; NULL: none */
	struct visits_totals totals;
};

/** visits_init - @config and @helds are borrowed for good; the port follows when it is known */
void visits_init(struct visits *visits, const struct config *config, struct helds *helds);

/** visits_done - before the connections are freed */
void visits_done(struct visits *visits);

/** visits_asked - a request is whole, and is being answered */
void visits_asked(struct visits *visits, struct evhttp_request *evhttp);

/** visits_answered - its answer of so many bytes goes out next; whoever cared for the connection's end no more does */
void visits_answered(struct visits *visits, struct evhttp_request *evhttp, size_t bytes);

/** visits_streamed - its answer has no end, and an own clock */
void visits_streamed(struct visits *visits, struct evhttp_request *evhttp);

/** visits_tick - once a second; @are_new: some were accepted since the last call */
void visits_tick(struct visits *visits, bool are_new);

/** visits_make_room - there is no place for others */
void visits_make_room(struct visits *visits);

#endif
