/* SPDX-License-Identifier: MIT */
/* ask.h - the questions of the REST API, from within the program: to the file of a store, with nobody
 * serving, or to a daemon that runs.  Both give the same answers.
 */
#ifndef SERVE_ASK_H
#define SERVE_ASK_H

#include "base/own.h"
#include "serve/client.h"

struct ask;

/** ask_store - open a store's file.  Return: 0; as store_reader_open(); with fail() said */
nodiscard int ask_store(const char *path, struct ask **ret_ask);

/** ask_daemon - whom client_get() reaches at @address, with @options; both borrowed.  Return: 0; -ENOMEM */
nodiscard int ask_daemon(const char *address, const struct client_options *options,
			 struct ask **ret_ask);
void ask_free(struct ask *ask);
own_define(struct ask, ask_free)

/**
 * ask_get - GET
 * @request: with path and parameters
 * @response: the answer; its status is 200
 *
 * Return: 0; -EINVAL what was asked makes no sense; -ENOENT; -errno; with fail() and hint() said.
 */
nodiscard int ask_get(struct ask *ask, struct request *request, struct response *response);

/** ask_follow - likewise; a stream of events goes to @stream and is in no @response */
nodiscard int ask_follow(struct ask *ask, struct request *request,
			 const struct client_stream *stream, struct response *response);

/** request_has_rows - whether the answer is a list of rows; _is_paged: which comes page by page */
bool request_has_rows(const struct request *request);
bool request_is_paged(const struct request *request);

/** request_new - NULL: no memory; free with request_free() */
struct request *request_new(const char *path);

/** request_set - a parameter, in place of one of this name.  Return: 0; -E2BIG; -ENOMEM */
nodiscard int request_set(struct request *request, const char *name, const char *value);

#endif
