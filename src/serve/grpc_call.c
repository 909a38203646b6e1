/* SPDX-License-Identifier: MIT */
#include "serve/grpc_call.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "serve/auth.h"
#include "serve/grpc_connection.h"

static const struct grpc_method *const tables[] = {
	grpc_profiler_methods,
	grpc_health_methods,
	grpc_reflection_methods,
};

const struct api *call_api(const struct call *call)
{
	return &call->connection->grpc->api;
}

struct pool *call_pool(struct call *call)
{
	return call->connection->grpc->request.pool;
}

struct helds *call_helds(struct call *call)
{
	return call->connection->grpc->request.helds;
}

void *call_state(const struct call *call)
{
	return call->state;
}

void call_set_state(struct call *call, void *state)
{
	call->state = state;
}

void call_trailer(struct call *call, const char *name, uint64_t number)
{
	call->trailer_name = name;
	call->trailer_number = number;
}

void call_cut(struct call *call, uint32_t error)
{
	nghttp2_submit_rst_stream(call->connection->session, NGHTTP2_FLAG_NONE, call->id, error);
}

#define PAIR(key, text)                                                         \
	{                                                                       \
		(uint8_t *)(key), (uint8_t *)(text), strlen(key), strlen(text), \
			NGHTTP2_NV_FLAG_NONE                                    \
	}

/* Status, text and what else there is, as headers. */
struct ending {
	char status[8], text[256 * 3], number[24];
	nghttp2_nv pairs[3];
	size_t count;
};

static void make_ending(const struct call *call, struct ending *ending)
{
	snprintf(ending->status, sizeof(ending->status), "%d", call->status);
	ending->pairs[ending->count++] = (nghttp2_nv)PAIR("grpc-status", ending->status);
	if (*call->text) {
		grpc_put_text(ending->text, sizeof(ending->text), call->text);
		ending->pairs[ending->count++] = (nghttp2_nv)PAIR("grpc-message", ending->text);
	}
	if (call->trailer_name) {
		snprintf(ending->number, sizeof(ending->number), "%lu",
			 (unsigned long)call->trailer_number);
		ending->pairs[ending->count++] =
			(nghttp2_nv)PAIR(call->trailer_name, ending->number);
	}
}

/* What is sent next of a call: nghttp2 asks whenever the client has room for it. */
static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t room,
		       uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct call *call = source->ptr;
	struct ending ending = { 0 };
	size_t len;

	(void)context;
	if (call->out_at == call->out.data.len) {
		call->out_at = call->out.data.len = 0;
		if (!call->has_ended && call->method && call->method->more)
			call->method->more(call);
	}
	len = call->out.data.len - call->out_at;
	if (!len && !call->has_ended) {
		call->is_waiting = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (len > room)
		len = room;
	if (len)
		memcpy(bytes, call->out.data.data + call->out_at, len);
	call->out_at += len;
	call->moved_mono_ns = clock_mono_ns();
	if (call->has_ended && call->out_at == call->out.data.len) {
		make_ending(call, &ending);
		call->has_trailers = true;
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (nghttp2_submit_trailer(session, id, ending.pairs, ending.count))
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return (ssize_t)len;
}

static void begin_answer(struct call *call)
{
	nghttp2_nv pairs[] = {
		PAIR(":status", "200"),
		PAIR("content-type", "application/grpc"),
		PAIR("grpc-accept-encoding", "identity,gzip"),
		PAIR("grpc-encoding", "gzip"),
	};
	nghttp2_data_provider provider = { .source.ptr = call, .read_callback = on_read };

	call->has_begun = true;
	call->moved_mono_ns = clock_mono_ns();
	if (nghttp2_submit_response(call->connection->session, call->id, pairs,
				    array_len(pairs) - !call->wants_gzip, &provider))
		call_cut(call, NGHTTP2_INTERNAL_ERROR);
}

static void wake(struct call *call)
{
	if (!call->is_waiting)
		return;
	call->is_waiting = false;
	nghttp2_session_resume_data(call->connection->session, call->id);
}

void call_go_on(struct call *call)
{
	connection_flush(call->connection);
}

void call_send(struct call *call, const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	own(freep) uint8_t *bytes = malloc(len ?: 1);

	if (call->has_ended)
		return;
	if (call->out.data.len - call->out_at > GRPC_MAX_ANSWERS) {
		call_end(call, GRPC_RESOURCE_EXHAUSTED, "answers wait for the client to take them");
		return;
	}
	if (bytes)
		protobuf_c_message_pack(message, bytes);
	if (!bytes || grpc_write(&call->out, bytes, len, call->wants_gzip)) {
		call_end(call, GRPC_UNAVAILABLE, "no memory");
		return;
	}
	if (!call->has_begun)
		begin_answer(call);
	wake(call);
}

/* An answer without a message has its status in the first headers. */
static void end_at_once(struct call *call)
{
	nghttp2_nv pairs[5] = { PAIR(":status", "200"), PAIR("content-type", "application/grpc") };
	struct ending ending = { 0 };

	make_ending(call, &ending);
	memcpy(pairs + 2, ending.pairs, ending.count * sizeof(*pairs));
	call->has_begun = call->has_trailers = true;
	if (nghttp2_submit_response(call->connection->session, call->id, pairs, 2 + ending.count,
				    NULL))
		call_cut(call, NGHTTP2_INTERNAL_ERROR);
}

void call_end(struct call *call, enum grpc_status status, const char *format, ...)
{
	va_list list;

	if (call->has_ended)
		return;
	call->has_ended = true;
	call->status = status;
	va_start(list, format);
	vsnprintf(call->text, sizeof(call->text), format, list);
	va_end(list);
	if (status != GRPC_OK) {
		call->connection->grpc->totals.failed++;
		/* What was not sent yet is worth nothing without the rest. */
		call->out.data.len = call->out_at;
	}
	if (!call->has_begun)
		end_at_once(call);
	else
		wake(call);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	struct call *call = context;

	(void)fd;
	(void)what;
	call->connection->grpc->totals.late++;
	call_end(call, GRPC_DEADLINE_EXCEEDED, "the time-out of the call is over");
	call_go_on(call);
}

void call_free(struct call *call)
{
	if (call->method && call->method->gone)
		call->method->gone(call);
	if (call->deadline)
		event_free(call->deadline);
	grpc_reader_done(&call->reader);
	vec_done(&call->request.data);
	vec_done(&call->out.data);
	free(call->state);
	free(call->token);
	free(call);
}

static bool on_message(void *context, const uint8_t *bytes, size_t len)
{
	struct call *call = context;

	call->requests++;
	if (call->method->is_stream) {
		call->method->message(call, bytes, len);
		return !call->has_ended;
	}
	if (call->requests > 1) {
		call_end(call, GRPC_INTERNAL, "one message was expected");
		return false;
	}
	if (vec_reserve(&call->request.data, len + 1)) {
		call_end(call, GRPC_UNAVAILABLE, "no memory");
		return false;
	}
	memcpy(call->request.data.data, bytes, len);
	call->request.data.len = len;
	return true;
}

static const char *text_of(enum grpc_status status)
{
	switch (status) {
	case GRPC_RESOURCE_EXHAUSTED:
		return "a message may have 65536 bytes";
	case GRPC_UNIMPLEMENTED:
		return "a message may be packed by gzip, and says so in grpc-encoding";
	case GRPC_UNAVAILABLE:
		return "no memory";
	default:
		return "a message cannot be unpacked";
	}
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
		   size_t len, void *context)
{
	struct call *call = nghttp2_session_get_stream_user_data(session, id);
	enum grpc_status status;

	(void)flags;
	(void)context;
	if (!call || call->has_ended || !call->method)
		return 0;
	status = grpc_read(&call->reader, bytes, len, on_message, call);
	if (status != GRPC_OK)
		call_end(call, status, "%s", text_of(status));
	return 0;
}

static void half_close(struct call *call)
{
	call->is_half_closed = true;
	if (call->has_ended || !call->method)
		return;
	if (!grpc_read_is_whole(&call->reader) || (!call->method->is_stream && !call->requests))
		call_end(call, GRPC_INTERNAL, "the request ends within a message");
	else if (call->method->is_stream)
		call_end(call, GRPC_OK, "%s", "");
	else
		call->method->message(call, call->request.data.data, call->request.data.len);
}

static const struct grpc_method *find_method(const char *path)
{
	for (size_t i = 0; i < array_len(tables); i++)
		for (const struct grpc_method *method = tables[i]; method->path; method++)
			if (strcmp(method->path, path) == 0)
				return method;
	return NULL;
}

static void refuse_http(struct call *call, const char *status)
{
	nghttp2_nv pairs[] = { PAIR(":status", status) };

	call->has_begun = call->has_ended = call->has_trailers = true;
	nghttp2_submit_response(call->connection->session, call->id, pairs, 1, NULL);
}

static void start_clock(struct call *call)
{
	struct timeval wait = { .tv_sec = (time_t)(call->timeout_ns / NS_PER_S),
				.tv_usec = (suseconds_t)(call->timeout_ns % NS_PER_S / NS_PER_US) };

	call->deadline = evtimer_new(call->connection->grpc->request.base, on_deadline, call);
	if (!call->deadline || evtimer_add(call->deadline, &wait))
		call_end(call, GRPC_UNAVAILABLE, "no memory");
}

/* All its headers are there. */
static void begin(struct call *call)
{
	struct grpc *grpc = call->connection->grpc;

	grpc->totals.started++;
	if (!call->is_post || !call->is_grpc) {
		refuse_http(call, call->is_post ? "415" : "405");
		return;
	}
	call->method = find_method(call->path);
	if (grpc->request.auth && !auth_knows(grpc->request.auth, call->token)) {
		grpc->totals.refused++;
		call->method = NULL;
		call_end(call, GRPC_UNAUTHENTICATED,
			 "a token is needed: authorization: Bearer ...");
	} else if (!call->method) {
		call_end(call, GRPC_UNIMPLEMENTED, "there is no method '%s'", call->path);
	} else if (call->has_bad_timeout) {
		call_end(call, GRPC_INVALID_ARGUMENT, "grpc-timeout cannot be read");
	} else if (call->has_bad_encoding) {
		call_end(call, GRPC_UNIMPLEMENTED, "grpc-encoding is identity or gzip");
	} else if (call->timeout_ns) {
		start_clock(call);
	}
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct connection *connection = context;
	struct call *call;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	call = calloc(1, sizeof(*call));
	if (!call)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	call->connection = connection;
	call->id = frame->hd.stream_id;
	call->began_mono_ns = call->moved_mono_ns = clock_mono_ns();
	call->next = connection->calls;
	connection->calls = call;
	connection->grpc->totals.calls++;
	nghttp2_session_set_stream_user_data(session, call->id, call);
	return 0;
}

static bool is(const uint8_t *bytes, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(bytes, text, len) == 0;
}

static void take_header(struct call *call, const char *name, size_t name_len, const char *value,
			size_t len)
{
	const uint8_t *key = (const uint8_t *)name, *bytes = (const uint8_t *)value;

	if (is(key, name_len, ":method")) {
		call->is_post = is(bytes, len, "POST");
	} else if (is(key, name_len, ":path")) {
		snprintf(call->path, sizeof(call->path), "%.*s", (int)len, value);
	} else if (is(key, name_len, "content-type")) {
		call->is_grpc = len >= 16 && memcmp(value, "application/grpc", 16) == 0 &&
				(len == 16 || value[16] == '+' || value[16] == ';');
	} else if (is(key, name_len, "grpc-timeout")) {
		call->has_bad_timeout = grpc_timeout(value, len, &call->timeout_ns) != 0;
		call->timeout_ns = call->timeout_ns ?: 1;
	} else if (is(key, name_len, "grpc-encoding")) {
		call->reader.takes_gzip = is(bytes, len, "gzip");
		call->has_bad_encoding = !call->reader.takes_gzip && !is(bytes, len, "identity");
	} else if (is(key, name_len, "grpc-accept-encoding")) {
		call->wants_gzip = memmem(value, len, "gzip", 4) != NULL;
	} else if (is(key, name_len, "authorization")) {
		free(call->token);
		call->token = strndup(value, len);
	}
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t len, uint8_t flags,
		     void *context)
{
	struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	(void)context;
	if (!call || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	call->header_bytes += name_len + len + 32;
	if (call->header_bytes > GRPC_MAX_HEADERS) {
		call->connection->grpc->totals.cut++;
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	take_header(call, (const char *)name, name_len, (const char *)value, len);
	return 0;
}

/* Frames that cost a client nothing and us something: many of them are no use. */
static int count_odd(struct connection *connection)
{
	uint64_t now = clock_mono_ns();

	if (now > connection->odd_since_ns + 10 * NS_PER_S) {
		connection->odd = 0;
		connection->odd_since_ns = now;
	}
	if (++connection->odd <= GRPC_MAX_ODD)
		return 0;
	if (connection->odd == GRPC_MAX_ODD + 1)
		connection->grpc->totals.cut++;
	return nghttp2_session_terminate_session(connection->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct connection *connection = context;
	struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK))
		connection->has_begun = true;
	if (frame->hd.type == NGHTTP2_RST_STREAM || frame->hd.type == NGHTTP2_PING ||
	    frame->hd.type == NGHTTP2_SETTINGS || frame->hd.type == NGHTTP2_PRIORITY)
		return count_odd(connection);
	if (!call || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		begin(call);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		half_close(call);
	return 0;
}

/* An answer that is whole before its request: nobody wants the rest of that. */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)context;
	if (call && frame->hd.type == NGHTTP2_HEADERS &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) && !call->is_half_closed)
		call_cut(call, NGHTTP2_NO_ERROR);
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *context)
{
	struct connection *connection = context;

	(void)session;
	(void)error;
	for (struct call **at = &connection->calls; *at; at = &(*at)->next)
		if ((*at)->id == id) {
			struct call *call = *at;

			*at = call->next;
			connection->grpc->totals.calls--;
			call_free(call);
			break;
		}
	connection->idle_since_ns = clock_mono_ns();
	return 0;
}

void grpc_set_calls(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
}
