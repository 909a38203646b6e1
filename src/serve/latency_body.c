/* SPDX-License-Identifier: MIT */
#include "serve/latency_body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "serve/answers.h"
#include "serve/body.h"

#define DEFAULT_S        60
#define DEFAULT_COST_PCT 5
#define SLOWER_MAX_MS    3600000

const struct body_key latency_body[] = {
	{ "functions",
	  "what to time: FILE:FUNCTION, or with pid FUNCTION alone, as kymo latency has them",
	  "array" },
	{ "http", "requests of HTTP/1 servers instead of functions", "boolean" },
	{ "pid", "this process alone; every one if left out", "integer" },
	{ "port", "with http: servers at this port", "integer" },
	{ "tls", "with http: the file that has OpenSSL, to see through TLS", "string" },
	{ "duration_s", "60 if left out; at most max_session_duration_seconds of [profiler]",
	  "number" },
	{ "slower_ms", "explain every call above so many milliseconds, when it is over", "number" },
	{ "args", "arguments that are told of slow calls: N, or N:KIND as kymo latency has it",
	  "array" },
	{ "max_cost_pct",
	  "of one CPU, above which the probes are taken off; 5 if left out, with http any; 0: any",
	  "number" },
	{ 0 },
};

struct reading {
	const struct config *config;
	struct latency_wish *wish;
	bool has_cost;
};

static int read_word(struct json_reader *reader, const char *name, char **ret_word)
{
	if (json_read(reader) != JSON_TEXT)
		return fail(-EINVAL, "'%s' is a text", name);
	*ret_word = json_read_text(reader);
	return *ret_word ? 0 : -ENOMEM;
}

static int read_words(struct json_reader *reader, const char *name, size_t most,
		      struct latency_words *words)
{
	enum json_token token;
	int err = 0;

	if (json_read(reader) != JSON_ARRAY)
		return fail(-EINVAL, "'%s' is a list of texts", name);
	while (!err && (token = json_read(reader)) != JSON_ARRAY_END) {
		char *word;

		if (token != JSON_TEXT)
			return fail(-EINVAL, "'%s' is a list of texts", name);
		if (words->list.len >= most)
			return fail(-EINVAL, "'%s' has at most %zu texts", name, most);
		word = json_read_text(reader);
		err = word ? vec_push(&words->list, word) : -ENOMEM;
		if (err)
			free(word);
	}
	return err;
}

static int read_tls(struct json_reader *reader, struct timing_request *wanted)
{
	own(freep) char *word = NULL;
	int err = read_word(reader, "tls", &word);

	if (!err && strlen(word) >= sizeof(wanted->tls))
		err = fail(-EINVAL, "'tls' is too long");
	if (!err)
		memcpy(wanted->tls, word, strlen(word) + 1);
	return err;
}

static int read_number_of(struct json_reader *reader, struct reading *reading)
{
	struct timing_request *wanted = &reading->wish->request;
	double number = 0;
	int err;

	if (json_read_is(reader, "pid")) {
		err = body_read_number(reader, "pid", 1, INT32_MAX, true, &number);
		wanted->pid = (uint32_t)number;
	} else if (json_read_is(reader, "port")) {
		err = body_read_number(reader, "port", 1, UINT16_MAX, true, &number);
		wanted->port = (uint16_t)number;
	} else if (json_read_is(reader, "slower_ms")) {
		err = body_read_number(reader, "slower_ms", 0.001, SLOWER_MAX_MS, false, &number);
		wanted->slower_ns = (uint64_t)(number * NS_PER_MS);
	} else if (json_read_is(reader, "max_cost_pct")) {
		err = body_read_number(reader, "max_cost_pct", 0, 100000, false, &number);
		wanted->max_cost_pct = number;
		reading->has_cost = true;
	} else if (json_read_is(reader, "duration_s")) {
		err = body_read_number(
			reader, "duration_s", 0.01,
			(double)reading->config->profiler.max_session_duration_seconds, false,
			&number);
		wanted->duration_ns = (uint64_t)(number * NS_PER_S);
	} else {
		err = fail(-EINVAL, "there is no key '%.*s'", (int)reader->len, reader->text);
		hint("functions, http, pid, port, tls, duration_s, slower_ms, args and max_cost_pct "
		     "are known");
	}
	return err;
}

static int read_key(void *context, struct json_reader *reader)
{
	struct reading *reading = context;
	struct latency_wish *wish = reading->wish;

	if (json_read_is(reader, "functions"))
		return read_words(reader, "functions", LATENCY_WORDS_MAX, &wish->functions);
	if (json_read_is(reader, "args"))
		return read_words(reader, "args", CALL_ARGS_MAX, &wish->args);
	if (json_read_is(reader, "tls"))
		return read_tls(reader, &wish->request);
	if (json_read_is(reader, "http"))
		return body_read_flag(reader, "http", &wish->request.is_http);
	return read_number_of(reader, reading);
}

static int check(const struct latency_wish *wish, const struct config *config)
{
	const struct timing_request *request = &wish->request;
	int err = 0;

	if (request->is_http && wish->functions.list.len)
		err = fail(-EINVAL, "'http' takes no functions");
	else if (!request->is_http && (request->port || *request->tls))
		err = fail(-EINVAL, "'port' and 'tls' are for requests: \"http\": true");
	else if (!request->is_http && !wish->functions.list.len) {
		err = fail(-EINVAL, "no function is named");
		hint("\"functions\": [\"libc.so.6:getaddrinfo\"], or \"http\": true");
	} else if (wish->args.list.len && (request->is_http || !request->slower_ns)) {
		err = fail(-EINVAL, "'args' are told of slow calls of functions");
		hint("say which calls are slow: \"slower_ms\"");
	} else if (wish->args.list.len && !config->http.tell_arguments) {
		err = fail(-EPERM, "arguments of calls are not told here");
		hint("they may hold secrets; set tell_arguments = true in [http], or ask kymo latency");
	}
	return err;
}

/* "libc.so.6:malloc, libc.so.6:free"; what does not fit is left out. */
static void put_what(struct latency_wish *wish)
{
	char *what = wish->request.what;
	size_t len = 0;

	vec_each(word, &wish->functions.list) {
		int more = snprintf(what + len, TIMING_WHAT_BYTES - len, "%s%s", len ? ", " : "",
				    *word);

		if (more < 0 || (size_t)more >= TIMING_WHAT_BYTES - len) {
			what[len] = '\0';
			return;
		}
		len += (size_t)more;
	}
}

int latency_body_read(const struct request *request, const struct config *config,
		      struct latency_wish *wish)
{
	uint64_t most = config->profiler.max_session_duration_seconds * NS_PER_S;
	struct reading reading = { config, wish, false };
	int err;

	wish->request.duration_ns = DEFAULT_S * NS_PER_S < most ? DEFAULT_S * NS_PER_S : most;
	err = body_read(request, "{\"functions\": [\"libc.so.6:getaddrinfo\"]}", read_key,
			&reading);
	err = err ?: check(wish, config);
	if (!reading.has_cost)
		wish->request.max_cost_pct = wish->request.is_http ? 0 : DEFAULT_COST_PCT;
	put_what(wish);
	return err;
}

static void words_done(struct latency_words *words)
{
	vec_each(word, &words->list)
		free(*word);
	vec_done(&words->list);
}

void latency_wish_done(struct latency_wish *wish)
{
	words_done(&wish->functions);
	words_done(&wish->args);
}
