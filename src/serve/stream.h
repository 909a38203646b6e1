/* SPDX-License-Identifier: MIT */
/* stream.h - GET /api/v1/events as server-sent events: every row as soon as it is committed.
 *
 *     id: 1234
 *     event: process.exec
 *     data: {"seq":"1234","collector":"process",...}
 *
 * A client goes on with Last-Event-ID (or ?after=): what it missed comes from the store, a page at a time.
 * What is not there any more, or what a client is too slow for, is told as `event: lost` with the span of
 * ids; its own id lets the client go on.  Likewise what was lost before it was a row, of the collectors that
 * were asked for.  Ceilings: STREAM_MAX clients, STREAM_UNSENT bytes that wait for
 * one, STREAM_STALL_S without progress.
 */
#ifndef SERVE_STREAM_H
#define SERVE_STREAM_H

#include "serve/route.h"

#define STREAM_MAX         1000
#define STREAM_UNSENT      65536
#define STREAM_PAGE        500 /* rows that are read at once */
#define STREAM_STALL_S     60
#define STREAM_HEARTBEAT_S 15

struct evhttp_request;
struct streams;

/** streams_new - @api: the loop's own, borrowed for good */
nodiscard int streams_new(struct api *api, struct streams **ret_streams);
void streams_free(struct streams *streams);

/**
 * streams_add - answer a request by a stream; its headers must be set
 *
 * Return: 0; -EINVAL what it asks for makes no sense; -EAGAIN too many; with fail() said: then the request
 * is still to be answered.
 */
nodiscard int streams_add(struct streams *streams, struct evhttp_request *evhttp,
			  const struct request *request);

/** streams_go_on - rows were committed */
void streams_go_on(struct streams *streams);

/** streams_tick - once a second */
void streams_tick(struct streams *streams);

#endif
