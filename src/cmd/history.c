/* SPDX-License-Identifier: MIT */
#include "cmd/history.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json_read.h"
#include "cmd/settings.h"
#include "store/reader.h"

const struct choice history_formats[] = {
	{ "tree", "a call tree" },
	{ "folded", "one line a stack" },
	{ "svg", "an interactive flame graph" },
	{ "pprof", "gzip-compressed profile.proto" },
	{ "speedscope", "for speedscope.app" },
	{ "firefox", "for profiler.firefox.com" },
	{ 0 },
};

/* Where a daemon with these settings is reached from its own host. */
static void find_address(const struct config *config, char *address, size_t size)
{
	const char *bound = config->http.bind_address;
	const char *host = strcmp(bound, "0.0.0.0") == 0 ? "127.0.0.1"
			   : strcmp(bound, "::") == 0    ? "::1"
							 : bound;
	bool is_six = strchr(host, ':');

	if (*config->http.unix_socket && access(config->http.unix_socket, W_OK) == 0)
		snprintf(address, size, "unix:%s", config->http.unix_socket);
	else
		snprintf(address, size, "http%s://%s%s%s:%u",
			 *config->http_tls.cert_file ? "s" : "", is_six ? "[" : "", host,
			 is_six ? "]" : "", (unsigned)config->http.port);
}

static int find_source(struct history *history)
{
	const struct config *config = &history->config;

	if (access(config->store.path, R_OK | W_OK) == 0)
		return ask_store(config->store.path, &history->ask);
	find_address(config, history->address, sizeof(history->address));
	return ask_daemon(history->address, &history->options, &history->ask);
}

/* A token is no argument: everybody on the host can read those. */
static int read_options(struct history *history, const struct arguments *arguments)
{
	const char *path = arguments_text(arguments, "token-file"), *token = getenv("KYMO_TOKEN");
	struct client_options *options = &history->options;
	int err = path ? auth_new(path, &history->auth) : 0;

	*options = (struct client_options){
		.ca = arguments_text(arguments, "ca"),
		.cert = arguments_text(arguments, "cert"),
		.key = arguments_text(arguments, "key"),
		.token = history->auth     ? auth_first(history->auth)
			 : token && *token ? token
					   : NULL,
	};
	if (!err && !options->cert != !options->key)
		err = fail(-ERROR_USAGE, "'--cert' and '--key' belong together");
	if (!err && options->token && options->token[strcspn(options->token, "\r\n")])
		err = fail(-EINVAL, "KYMO_TOKEN is more than one line");
	return err;
}

static const char *const of_daemons[] = { "ca", "cert", "key", "token-file" };

int history_open(struct history *history, const struct arguments *arguments)
{
	const char *store = arguments_text(arguments, "store");
	const char *address = arguments_text(arguments, "connect");
	int err;

	for (size_t i = 0; store && i < array_len(of_daemons); i++)
		if (arguments_has(arguments, of_daemons[i]))
			return fail(-ERROR_USAGE, "'--%s' is for a daemon, '--store' for a file",
				    of_daemons[i]);
	if (store)
		return ask_store(store, &history->ask);
	err = read_options(history, arguments);
	if (!err && address)
		return ask_daemon(address, &history->options, &history->ask);
	err = err ?: settings_default(&history->config);
	return err ?: find_source(history);
}

void history_close(struct history *history)
{
	ask_free(history->ask);
	auth_free(history->auth);
	config_done(&history->config);
}

static int set_options(const struct arguments *arguments, struct request *request,
		       const char *const *names, size_t count)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		if (arguments_has(arguments, names[i]))
			err = request_set(request, names[i], arguments_text(arguments, names[i]));
	return err;
}

int history_set_span(const struct arguments *arguments, struct request *request)
{
	static const char *const names[] = { "start", "end" };

	return set_options(arguments, request, names, array_len(names));
}

int history_set_whose(const struct arguments *arguments, struct request *request)
{
	static const char *const names[] = { "pid", "comm", "container" };

	return set_options(arguments, request, names, array_len(names));
}

int history_set_words(const struct arguments *arguments, size_t skip, struct request *request)
{
	int err = 0;

	for (size_t i = skip; !err && i < arguments->operands.len; i++) {
		const char *word = arguments->operands.data[i], *equals = strchr(word, '=');
		own(freep) char *name = equals ? strndup(word, (size_t)(equals - word)) : NULL;

		if (equals && !name)
			return -ENOMEM;
		if (name && *name) {
			err = request_set(request, name, equals + 1);
			continue;
		}
		err = fail(-ERROR_USAGE, "'%s' is no condition", word);
		hint("write NAME=VALUE, NAME!=VALUE, min_NAME=VALUE or max_NAME=VALUE");
	}
	return err;
}

int history_path(const char *what, struct request **ret_request)
{
	own(freep) char *path = NULL;
	bool is_list = strpbrk(what, ".,");
	int err = 0;

	if (*what == '/' ? asprintf(&path, "%s", what) < 0
			 : asprintf(&path, "/api/v1/%s", is_list ? "records" : what) < 0)
		return -ENOMEM;
	*ret_request = request_new(path);
	if (!*ret_request)
		return -ENOMEM;
	if (is_list && *what != '/')
		err = request_set(*ret_request, "type", what);
	return err;
}

/* What a page holds beside its rows. */
struct page {
	char *cursor; /* NULL: it is the last */
	uint64_t lost, rows;
};

static int read_rows(struct json_reader *reader, struct answer_rows *rows, struct page *page)
{
	enum json_token token = json_read(reader);
	int err = token == JSON_ARRAY ? 0 : -EBADMSG;

	while (!err && (token = json_read(reader)) == JSON_OBJECT) {
		const char *from = reader->at - 1;

		json_skip(reader, token);
		err = reader->is_bad ? -EBADMSG
				     : answer_rows_add(rows, from, (size_t)(reader->at - from));
		page->rows++;
	}
	return err ?: token == JSON_ARRAY_END ? 0 : -EBADMSG;
}

static int read_page(const struct response *response, struct answer_rows *rows, struct page *page)
{
	struct json_reader reader;
	enum json_token token;
	int err = 0;

	json_read_begin(&reader, response->body ?: "", response->len);
	if (json_read(&reader) != JSON_OBJECT)
		return -EBADMSG;
	while (!err && (token = json_read(&reader)) == JSON_KEY) {
		bool is_cursor = json_read_is(&reader, "next_cursor");
		bool is_lost = json_read_is(&reader, "lost");

		if (json_read_is(&reader, "data")) {
			err = read_rows(&reader, rows, page);
			continue;
		}
		token = json_read(&reader);
		if (is_cursor && token == JSON_TEXT)
			page->cursor = json_read_text(&reader);
		else if (is_lost && token == JSON_NUMBER)
			page->lost = (uint64_t)reader.number;
		else if (is_lost && token == JSON_NULL)
			page->lost = STORE_LOST_UNKNOWN;
		json_skip(&reader, token);
	}
	return err ?: token == JSON_OBJECT_END ? 0 : -EBADMSG;
}

static int ask_page(struct history *history, struct request *request, struct answer_rows *rows,
		    struct page *page)
{
	own(response_freep) struct response *response = calloc(1, sizeof(*response));
	int err = response ? ask_get(history->ask, request, response) : -ENOMEM;

	if (err)
		return err;
	err = read_page(response, rows, page);
	return err == -EBADMSG ? fail(err, "what was answered is no list of records") : err;
}

int history_read_rows(struct history *history, struct request *request, struct history_rows *rows)
{
	own(freep) char *cursor = NULL;
	uint64_t left = rows->limit ?: UINT64_MAX;
	bool is_paged = request_is_paged(request), is_full = false;
	char text[24];
	int err = 0;

	do {
		struct page page = { 0 };

		snprintf(text, sizeof(text), "%lu",
			 (unsigned long)(left < HISTORY_PAGE ? left : HISTORY_PAGE));
		err = request_set(request, "limit", text);
		if (!err && cursor)
			err = request_set(request, "cursor", cursor);
		err = err ?: ask_page(history, request, rows->rows, &page);
		free(cursor);
		cursor = page.cursor;
		left -= page.rows < left ? page.rows : left;
		is_full = !is_paged &&
			  page.rows >= HISTORY_PAGE; /* there is no way to ask for more */
		/* Each page tells it of the whole span. */
		rows->lost = page.lost;
	} while (!err && cursor && left);
	rows->has_more = cursor || is_full;
	return err;
}
