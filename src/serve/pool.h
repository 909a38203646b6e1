/* SPDX-License-Identifier: MIT */
/* pool.h - threads that answer questions which read the store, so that the loop never waits for a disk.
 *
 *     loop ──job──> queue ──> thread: route->answer() ──> done ──> `descriptor` becomes readable
 *
 * Ceiling: POOL_MAX_WAITING jobs; more are answered 503 at once.
 */
#ifndef SERVE_POOL_H
#define SERVE_POOL_H

#include "serve/route.h"

#define POOL_THREADS     2
#define POOL_MAX_WAITING 64

struct job {
	const struct route *route;
	struct request *request; /* the job's own */
	struct response *response;
	void *context;                 /* of whoever asked; freed with the job */
	void (*done)(struct job *job); /* on the loop, when it is answered; it frees the job */
};

struct pool;

/** pool_new - @api: copied for each thread.  Return: 0; -errno with fail() said */
nodiscard int pool_new(const struct api *api, struct pool **ret_pool);
void pool_free(struct pool *pool);

/** pool_add - Return: 0; -EAGAIN the queue is full: the job stays the caller's */
nodiscard int pool_add(struct pool *pool, struct job *job);

/** pool_take - a job that is done; NULL: none is */
struct job *pool_take(struct pool *pool);
int pool_descriptor(const struct pool *pool);
void job_free(struct job *job);

/** api_answer - call the route; what fails becomes a problem */
void api_answer(struct api *api, const struct route *route, const struct request *request,
		struct response *response);

#endif
