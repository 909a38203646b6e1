/* SPDX-License-Identifier: MIT */
/* route.h - which paths the daemon answers, and with what: one row each.
 */
#ifndef SERVE_ROUTE_H
#define SERVE_ROUTE_H

#include "serve/ingest.h"
#include "serve/message.h"
#include "serve/sessions.h"
#include "serve/timings.h"
#include "store/reader.h"

struct grpc;
struct helds;
struct http;

/* Ways in, as far as the status tells of them.  Of the loop's thread. */
struct entrances {
	struct http *http;
	const struct helds *helds;
	struct grpc *grpc; /* NULL: none */
	unsigned grpc_port;
};

/* What answering needs; one for each thread that answers. */
struct api {
	const struct config *config;
	struct ingest *ingest;
	struct sessions *sessions;
	struct timings *timings;
	const struct entrances *entrances;
	const struct record_view *views;
	size_t view_count;
	uint64_t started_unix_ns;
	struct store_reader *reader; /* of this thread; NULL: not open, see api_reader() */
};

struct query_parameter {
	const char *name; /* NULL closes the list */
	const char *help;
	const char *type; /* of OpenAPI: "string", "integer" */
};

/* A key of the JSON object that a request brings. */
struct body_key {
	const char *name; /* NULL closes the list */
	const char *help;
	const char *type;
	bool is_required;
};

struct route {
	enum method method;
	const char *path; /* a part "{name}" stands for any one part */
	const char *help;
	const struct query_parameter *parameters;
	const struct body_key *body; /* NULL: it brings none */
	const char *records;         /* it answers with pages of: "tcp", "process.life" */
	const char *type;            /* of what is answered; NULL: application/json */
	/* In a thread that may wait; or at once, where nothing can wait.  Return: 0 with an answer; -errno
	 * with fail() said.
	 */
	int (*answer)(struct api *api, const struct request *request, struct response *response);
	bool at_once;
	bool is_stream; /* of events: the connection stays open */
	bool is_form;   /* of METHOD_POST: the parameters come in the body */
	bool is_open;   /* holds nothing of the host: no token is asked for */
};

/* Closed by a row without path; those of one path follow one another. */
extern const struct route routes[];

/**
 * route_find - the route of a request; fills request->parts
 *
 * Return: NULL with a problem in @response.
 */
const struct route *route_find(struct request *request, struct response *response);

/** route_is_open - whether a path is answered without a token */
bool route_is_open(const char *path);

/** api_reader - the reader of this thread, opened when it is first needed.  0; -errno with fail() said */
nodiscard int api_reader(struct api *api, struct store_reader **ret_reader);

#endif
