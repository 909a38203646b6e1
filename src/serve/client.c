/* SPDX-License-Identifier: MIT */
#include "serve/client.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "serve/client_link.h"

#define READ_BYTES 65536

static void put_encoded(FILE *out, const char *text, const char *plain)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("-._~", *text) || strchr(plain, *text))
			putc(*text, out);
		else
			fprintf(out, "%%%02X", (unsigned char)*text);
}

static int send_request(struct client_link *link, const struct client_options *options,
			const struct request *request)
{
	own(freep) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	fputs("GET ", out);
	put_encoded(out, request->path, "/");
	vec_each(parameter, &request->parameters) {
		putc(parameter == request->parameters.data ? '?' : '&', out);
		put_encoded(out, parameter->name, "!"); /* evhttp decodes values alone */
		putc('=', out);
		put_encoded(out, parameter->value, "");
	}
	fputs(" HTTP/1.0\r\nHost: localhost\r\n", out);
	if (options->token)
		fprintf(out, "Authorization: Bearer %s\r\n", options->token);
	fputs("\r\n", out);
	if (fclose(out) != 0)
		return -ENOMEM;
	return client_link_write(link, text, len);
}

/* An answer as it comes. */
struct answer {
	const struct client_stream *stream; /* NULL: none is wanted */
	vec(char) text;                     /* its head, then what of its body is kept */
	size_t head;                        /* bytes of it; 0: it is not here yet */
	int status;
	uint64_t promised; /* bytes of its body; UINT64_MAX: not said */
	bool is_stream;
};

/* The value of a header; NULL: there is none. */
static const char *header(const struct answer *answer, const char *name)
{
	const char *end = answer->text.data + answer->head;
	size_t len = strlen(name);

	for (const char *at = answer->text.data; at + len + 3 < end; at++)
		if (strncmp(at, "\r\n", 2) == 0 && strncasecmp(at + 2, name, len) == 0 &&
		    at[2 + len] == ':')
			return at + 3 + len + strspn(at + 3 + len, " ");
	return NULL;
}

/* Return: 0, also when it is not all here; -EPROTO it is none. */
static int look_at_head(struct answer *answer)
{
	static const char events[] = "text/event-stream";
	char *end = memmem(answer->text.data, answer->text.len, "\r\n\r\n", 4);
	const char *value;

	if (!end)
		return answer->text.len > CLIENT_MAX_HEAD ? -EPROTO : 0;
	if (sscanf(answer->text.data, "HTTP/1.%*1[01] %3d", &answer->status) != 1 ||
	    answer->status < 100)
		return -EPROTO;
	answer->head = (size_t)(end - answer->text.data) + 4;
	value = header(answer, "Content-Length");
	answer->promised = value ? strtoull(value, NULL, 10) : UINT64_MAX;
	value = header(answer, "Content-Type");
	answer->is_stream = answer->stream && answer->status == 200 && value &&
			    strncmp(value, events, sizeof(events) - 1) == 0;
	return 0;
}

/* What has come of the body goes on at once.  Return: 0; 1 that is enough; -errno */
static int hand_on(struct answer *answer)
{
	const struct client_stream *stream = answer->stream;
	size_t len = answer->text.len - answer->head;
	int err = len ? stream->put(stream->context, answer->text.data + answer->head, len) : 0;

	answer->text.len = answer->head;
	return err;
}

/* Return: 0; 1 that is enough; -EPROTO; -EFBIG; -errno */
static int take_in(struct answer *answer, const char *text, size_t len)
{
	int err = vec_reserve(&answer->text, len + 1);

	if (err)
		return err;
	memcpy(answer->text.data + answer->text.len, text, len);
	answer->text.len += len;
	answer->text.data[answer->text.len] = '\0';
	err = answer->head ? 0 : look_at_head(answer);
	if (!err && answer->head && answer->is_stream)
		return hand_on(answer);
	return err ?: answer->text.len > CLIENT_MAX_BODY ? -EFBIG : 0;
}

static int read_answer(struct client_link *link, struct answer *answer)
{
	own(freep) char *text = malloc(READ_BYTES);
	ssize_t got;
	int err = text ? 0 : -ENOMEM;

	while (!err) {
		/* Whoever takes a stream may have it ended from then on. */
		if (answer->is_stream && client_link_wait(link, answer->stream->stop))
			return 0;
		got = client_link_read(link, text, READ_BYTES);
		if (got <= 0) {
			err = (int)got;
			break;
		}
		err = take_in(answer, text, (size_t)got);
	}
	if (err)
		return err > 0 ? 0 : err;
	if (!answer->head ||
	    (answer->promised != UINT64_MAX && answer->promised != answer->text.len - answer->head))
		return -EPROTO;
	return 0;
}

/* The body alone; of a stream there is none left. */
static int give(struct answer *answer, struct response *response)
{
	size_t len = answer->text.len - answer->head;

	free(response->body);
	response->body = malloc(len + 1);
	if (!response->body)
		return -ENOMEM;
	memcpy(response->body, answer->text.data + answer->head, len);
	response->body[len] = '\0';
	response->len = len;
	response->status = answer->status;
	return 0;
}

static int say(const char *address, int err)
{
	if (err == -EPROTO)
		return fail(err, "what answers at '%s' is no kymo, or ended before its answer did",
			    address);
	if (err == -EAGAIN)
		return fail(-ETIME, "the kymo at '%s' did not answer within %d s", address,
			    CLIENT_TIMEOUT_S);
	/* Whoever knew more has said it. */
	return !err || *error_text()
		       ? err
		       : fail(err, "the answer of '%s' was cut: %s", address, strerror(-err));
}

int client_get(const char *address, const struct client_options *options,
	       const struct client_stream *stream, const struct request *request,
	       struct response *response)
{
	own(client_link_freep) struct client_link *link = NULL;
	struct answer answer = { .stream = stream };
	int err = client_link_open(address, options, &link);

	if (err)
		return err;
	err = send_request(link, options, request);
	/* Whoever does not want us has said why before the connection was closed. */
	if (!err || err == -EPIPE || err == -ECONNRESET)
		err = read_answer(link, &answer);
	err = err ?: give(&answer, response);
	vec_done(&answer.text);
	return say(address, err);
}
