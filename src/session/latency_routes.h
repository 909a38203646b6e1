/* SPDX-License-Identifier: MIT */
/* latency_routes.h - what was counted of each route of each server, by port and pattern.
 *
 * At most LATENCY_ROUTES_MAX; what comes beyond is counted together as "(other routes)".  Of the lines that came
 * last the route is remembered, as a server is mostly asked for the same.
 */
#ifndef SESSION_LATENCY_ROUTES_H
#define SESSION_LATENCY_ROUTES_H

#include "base/hash.h"
#include "model/latency.h"
#include "model/route.h"
#include "probe/http.wire.h"

#define LATENCY_ROUTES_MAX 512
#define LATENCY_LINES      256 /* a power of 2 */

struct latency_route {
	struct latency_function function; /* name: the pattern */
	char name[ROUTE_BYTES];
	struct latency_figures whole, now; /* until this interval began, and in it */
	struct latency_http http_whole, http_now;
};

/* A request line that came before. */
struct latency_line {
	struct latency_route *route; /* NULL: none did */
	uint16_t port, bytes;        /* of method and target, and one behind */
	uint8_t way;                 /* enum http_way */
	char text[HTTP_LINE_BYTES];
};

struct latency_routes {
	uint64_t sample_ns; /* of CPU time, that a sample stands for; 0: none are taken */
	vec(struct latency_route *) routes;
	struct index index;
	struct latency_line lines[LATENCY_LINES];
	vec(struct latency_row) rows; /* of the last report */
};

/**
 * latency_routes_count - one request
 * @ret_route: that it was counted at
 *
 * Return: 0; -EBADMSG its line is none; -ENOMEM.
 */
nodiscard int latency_routes_count(struct latency_routes *routes, const struct http_record *record,
				   const struct latency_route **ret_route);

/** latency_routes_report - routes with requests, in this interval or, to end with, altogether.  0; -ENOMEM */
nodiscard int latency_routes_report(struct latency_routes *routes, bool is_final,
				    struct latency_report *report);

/** latency_routes_turn - an interval ends */
void latency_routes_turn(struct latency_routes *routes);
void latency_routes_done(struct latency_routes *routes);

#endif
