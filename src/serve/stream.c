/* SPDX-License-Identifier: MIT */
#include "serve/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/number.h"
#include "serve/question.h"
#include "serve/rows.h"

struct stream {
	struct streams *streams;
	struct evhttp_request *evhttp;
	struct evhttp_connection *connection;
	struct question question;
	uint64_t seq;          /* everything up to it was sent, or told as lost */
	uint64_t sent_mono_ns; /* when something was sent */
	uint64_t progress_mono_ns;
	size_t unsent;  /* when progress was looked at last */
	bool is_behind; /* more is there than was sent */
};

/* What was read last, for others who wait for the same. */
struct page {
	uint64_t hash, after_seq, last_seq;
	char *text;
	size_t len;
	bool is_full; /* there may be more */
};

struct streams {
	struct api *api;
	vec(struct stream *) list;
	struct page page;
};

int streams_new(struct api *api, struct streams **ret_streams)
{
	struct streams *streams = calloc(1, sizeof(*streams));

	if (!streams)
		return -ENOMEM;
	streams->api = api;
	*ret_streams = streams;
	return 0;
}

static void stream_free(struct stream *stream)
{
	question_done(&stream->question);
	free(stream);
}

void streams_free(struct streams *streams)
{
	if (!streams)
		return;
	vec_each(stream, &streams->list) {
		evhttp_connection_set_closecb((*stream)->connection, NULL, NULL);
		stream_free(*stream);
	}
	vec_done(&streams->list);
	free(streams->page.text);
	free(streams);
}

static void drop(struct stream *stream)
{
	struct streams *streams = stream->streams;

	for (size_t i = 0; i < streams->list.len; i++)
		if (streams->list.data[i] == stream) {
			streams->list.data[i] = streams->list.data[--streams->list.len];
			break;
		}
	stream_free(stream);
}

static void on_gone(struct evhttp_connection *connection, void *context)
{
	struct stream *stream = context;
	struct evhttp_request *evhttp = stream->evhttp;

	(void)connection;
	drop(stream);
	/* A request whose answer is under way is nobody's when its client leaves. */
	if (!evhttp_request_get_connection(evhttp))
		evhttp_request_free(evhttp);
}

static size_t unsent(const struct stream *stream)
{
	struct bufferevent *buffer = evhttp_connection_get_bufferevent(stream->connection);

	return evbuffer_get_length(bufferevent_get_output(buffer));
}

static void on_drained(struct evhttp_connection *connection, void *context);

static void send_text(struct stream *stream, const char *text, size_t len)
{
	struct evbuffer *buffer = evbuffer_new();

	if (!buffer)
		return;
	evbuffer_add(buffer, text, len);
	evhttp_send_reply_chunk_with_cb(stream->evhttp, buffer, on_drained, stream);
	evbuffer_free(buffer);
	stream->sent_mono_ns = clock_mono_ns();
}

/* One event as text. */
struct piece {
	uint64_t seq;
	size_t start, len;
};

struct writing {
	const struct question *question;
	FILE *out;
	vec(struct piece) pieces;
	size_t count; /* of rows */
	uint64_t last_seq;
};

static int end_piece(struct writing *writing, uint64_t seq, size_t start)
{
	return vec_push(&writing->pieces,
			((struct piece){ seq, start, (size_t)ftello(writing->out) - start }));
}

static int put_row(void *context, struct store_row *row)
{
	struct writing *writing = context;
	const struct schema *schema = store_row_schema(row);
	size_t start = (size_t)ftello(writing->out);
	struct json json;

	writing->count++;
	writing->last_seq = store_row_seq(row);
	fprintf(writing->out, "id: %" PRIu64 "\nevent: %s.%s\ndata: ", writing->last_seq,
		schema->collector, schema->event);
	json_begin(&json, writing->out, false);
	json_object(&json, NULL);
	rows_put(&json, row);
	json_object_end(&json);
	fputs("\n\n", writing->out);
	return end_piece(writing, writing->last_seq, start);
}

static int put_loss(void *context, const struct store_loss_row *loss)
{
	struct writing *writing = context;
	size_t start = (size_t)ftello(writing->out);
	struct json json;

	/* What other collectors lost is nothing that this client waits for. */
	if (!question_is_of(writing->question, loss->collector))
		return 0;
	fprintf(writing->out, "id: %" PRIu64 "\nevent: lost\ndata: ", loss->seq);
	json_begin(&json, writing->out, false);
	json_object(&json, NULL);
	rows_put_loss(&json, loss);
	json_object_end(&json);
	fputs("\n\n", writing->out);
	return end_piece(writing, loss->seq, start);
}

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *one = a, *other = b;

	return (one->seq > other->seq) - (one->seq < other->seq);
}

/* Losses were written behind the rows; by their ids they stand among them, so that a client that is cut anywhere
 * goes on by the last id that it has.
 */
static int put_in_order(struct writing *writing, struct page *page)
{
	char *text = malloc(page->len + 1), *end = text;

	if (!text)
		return -ENOMEM;
	qsort(writing->pieces.data, writing->pieces.len, sizeof(*writing->pieces.data),
	      compare_pieces);
	vec_each(piece, &writing->pieces)
		end = mempcpy(end, page->text + piece->start, piece->len);
	*end = '\0';
	free(page->text);
	page->text = text;
	return 0;
}

/* Rows behind @after_seq, as text; of a failure nothing is left that could be taken for all there is. */
static int read_page(struct streams *streams, struct stream *stream)
{
	struct store_query query = stream->question.query;
	struct page *page = &streams->page;
	struct writing writing = { .question = &stream->question };
	int64_t committed = 0;
	int err;

	free(page->text);
	page->text = NULL;
	writing.out = open_memstream(&page->text, &page->len);
	if (!writing.out)
		return -ENOMEM;
	query.by_seq = true;
	query.newest_first = false;
	query.after_at = 0;
	query.after_seq = stream->seq;
	query.limit = STREAM_PAGE;
	err = store_read_number(streams->api->reader, "SELECT value FROM meta WHERE key = 'seq'",
				&committed);
	err = err ?: store_read(streams->api->reader, &query, put_row, &writing);
	page->is_full = writing.count == STREAM_PAGE;
	page->hash = stream->question.filter_hash;
	page->after_seq = stream->seq;
	page->last_seq = writing.last_seq;
	if (!page->is_full && (uint64_t)committed > page->last_seq)
		page->last_seq = (uint64_t)committed;
	if (page->last_seq < stream->seq)
		page->last_seq = stream->seq;
	err = err
		      ?: store_read_loss_rows(streams->api->reader, stream->seq, page->last_seq,
					      put_loss, &writing);
	if (fclose(writing.out) != 0)
		err = err ?: -ENOMEM;
	if (!err && writing.pieces.len > writing.count)
		err = put_in_order(&writing, page);
	vec_done(&writing.pieces);
	if (err) {
		free(page->text);
		page->text = NULL;
	}
	return err;
}

/* What the client has not seen and is no more. */
static void tell_expired(struct stream *stream)
{
	struct ingest_status status;
	char text[256];
	int len;

	ingest_status(stream->streams->api->ingest, &status);
	if (status.store.oldest_seq <= stream->seq + 1 || !status.store.oldest_seq)
		return;
	len = snprintf(text, sizeof(text),
		       "id: %" PRIu64 "\nevent: lost\ndata: {\"from\":\"%" PRIu64
		       "\",\"to\":\"%" PRIu64 "\",\"count\":%" PRIu64
		       ",\"reason\":\"expired\"}\n\n",
		       status.store.oldest_seq - 1, stream->seq + 1, status.store.oldest_seq - 1,
		       status.store.oldest_seq - 1 - stream->seq);
	send_text(stream, text, (size_t)len);
	stream->seq = status.store.oldest_seq - 1;
}

static int go_on(struct stream *stream)
{
	struct streams *streams = stream->streams;
	struct page *page = &streams->page;

	while (unsent(stream) < STREAM_UNSENT) {
		bool is_same = page->text && page->after_seq == stream->seq &&
			       page->hash == stream->question.filter_hash;
		int err = is_same ? 0 : read_page(streams, stream);

		if (err)
			return err;
		if (page->len)
			send_text(stream, page->text, page->len);
		stream->seq = page->last_seq;
		stream->is_behind = page->is_full;
		if (!page->is_full)
			break;
	}
	return 0;
}

/* All that was sent is on its way. */
static void on_drained(struct evhttp_connection *connection, void *context)
{
	struct stream *stream = context;
	struct store_reader *reader;

	(void)connection;
	if (!stream->is_behind || api_reader(stream->streams->api, &reader))
		return;
	if (go_on(stream))
		error_clear();
}

void streams_go_on(struct streams *streams)
{
	struct store_reader *reader;

	if (!streams->list.len || api_reader(streams->api, &reader))
		return;
	/* What was read before the commit is no more what is there. */
	free(streams->page.text);
	streams->page = (struct page){ 0 };
	vec_each(stream, &streams->list)
		if (go_on(*stream))
			error_clear(); /* tried again at the next commit */
}

static int read_start(struct stream *stream, const struct request *request)
{
	const char *after = request_parameter(request, "after") ?: request->last_event_id;
	int64_t committed = 0;
	int err;

	if (after) {
		err = number_parse(after, 0, INT64_MAX, &stream->seq);
		return err ? fail(-EINVAL, "'%s' is no id of an event", after) : 0;
	}
	err = store_read_number(stream->streams->api->reader,
				"SELECT value FROM meta WHERE key = 'seq'", &committed);
	stream->seq = (uint64_t)committed;
	return err;
}

static int begin(struct stream *stream, struct evhttp_request *evhttp)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(evhttp);

	stream->evhttp = evhttp;
	stream->connection = evhttp_request_get_connection(evhttp);
	stream->sent_mono_ns = stream->progress_mono_ns = clock_mono_ns();
	evhttp_add_header(headers, "Content-Type", "text/event-stream");
	evhttp_connection_set_timeout(stream->connection, 0);
	evhttp_connection_set_closecb(stream->connection, on_gone, stream);
	evhttp_send_reply_start(evhttp, 200, NULL);
	send_text(stream, "retry: 1000\n\n", 13);
	return 0;
}

int streams_add(struct streams *streams, struct evhttp_request *evhttp,
		const struct request *request)
{
	static const char *const known[] = { "after", NULL };
	struct stream *stream = calloc(1, sizeof(*stream));
	struct store_reader *reader;
	int err = stream ? 0 : -ENOMEM;

	if (!err && streams->list.len >= STREAM_MAX)
		err = fail(-EAGAIN, "%d clients follow events already", STREAM_MAX);
	err = err ?: api_reader(streams->api, &reader);
	if (!err) {
		stream->streams = streams;
		err = question_read(&stream->question, streams->api, request, known);
	}
	err = err ?: read_start(stream, request);
	err = err ?: vec_push(&streams->list, stream);
	if (err) {
		if (stream)
			stream_free(stream);
		return err;
	}
	err = begin(stream, evhttp);
	tell_expired(stream);
	if (go_on(stream))
		error_clear();
	return err;
}

void streams_tick(struct streams *streams)
{
	uint64_t now = clock_mono_ns();

	for (size_t i = streams->list.len; i-- > 0;) {
		struct stream *stream = streams->list.data[i];
		size_t left = unsent(stream);

		if (left == 0 || left < stream->unsent)
			stream->progress_mono_ns = now;
		stream->unsent = left;
		if (now > stream->progress_mono_ns + STREAM_STALL_S * NS_PER_S) {
			evhttp_connection_free(stream->connection); /* on_gone() */
			continue;
		}
		if (now > stream->sent_mono_ns + STREAM_HEARTBEAT_S * NS_PER_S && !left)
			send_text(stream, ":\n\n", 3);
		/* Behind, and with room again. */
		if (left < STREAM_UNSENT / 2 && go_on(stream))
			error_clear();
	}
}
