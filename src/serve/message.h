/* SPDX-License-Identifier: MIT */
/* message.h - a question to the daemon and its answer, whatever they came by: plain memory, so that another
 * thread can work on them.
 */
#ifndef SERVE_MESSAGE_H
#define SERVE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "base/own.h"
#include "base/vec.h"

#define REQUEST_MAX_PARAMETERS 64
#define REQUEST_MAX_BODY       65536
#define REQUEST_MAX_HEADERS    8192

enum method {
	METHOD_GET,
	METHOD_POST,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_OTHER
};

struct parameter {
	char *name, *value;
};

struct request {
	enum method method;
	char *path;   /* decoded, without the query */
	char **parts; /* of the path that the route leaves open, closed by NULL */
	vec(struct parameter) parameters;
	char *body;
	size_t body_len;
	char *last_event_id;
	char *accept;
	bool takes_gzip;
};

struct response {
	int status;
	const char *type; /* of the content */
	char *body;
	size_t len;
	char disposition[128]; /* file name for a browser; "" */
	bool is_gzip;          /* the body is packed already */
	bool is_lasting;       /* never changes at this address */
	unsigned retry_after_s;
};

void request_free(struct request *request);
void response_free(struct response *response);
own_define(struct request, request_free)
own_define(struct response, response_free)

/** request_parameter - the last of this name; NULL where there is none */
const char *request_parameter(const struct request *request, const char *name);

/** response_open - where the body is written; close with response_close().  NULL: no memory */
FILE *response_open(struct response *response, int status, const char *type);

/** response_close - Return: 0; -ENOMEM */
nodiscard int response_close(struct response *response, FILE *out);

/**
 * response_open_object - the body is one JSON object: what is written next are its members
 *
 * Return: where it is written; close with response_close_object().  NULL: no memory.
 */
FILE *response_open_object(struct response *response, int status, struct json *json);

/** response_close_object - with a newline behind it.  Return: 0; -ENOMEM */
nodiscard int response_close_object(struct response *response, struct json *json, FILE *out);

/**
 * response_problem - an error as RFC 9457 has it
 * @hint: what helps; NULL
 */
void response_problem(struct response *response, int status, const char *hint, const char *format,
		      ...) __attribute__((format(printf, 4, 5)));

/** response_failed - the sentence and hint of fail(), with the status that fits */
void response_failed(struct response *response, int err);

#endif
