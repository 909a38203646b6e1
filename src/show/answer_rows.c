/* SPDX-License-Identifier: MIT */
#include "show/answer_rows.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/json_read.h"
#include "base/text.h"

#define KEY_BYTES 128

/* A key and its value; a value that is an object comes as several, named KEY_NAME. */
struct pair {
	char key[KEY_BYTES];
	enum json_token token;
	char *text; /* without escapes, or the JSON of an array */
};

typedef int pair_fn(void *context, const struct pair *pair);

/* "[\"a\",\"b\"]" as "a b"; an array of other things stays as it is. */
static char *words_of(const char *json, size_t len)
{
	struct json_reader reader;
	enum json_token token;
	char *text = NULL;
	size_t text_len;
	FILE *out = open_memstream(&text, &text_len);

	if (!out)
		return NULL;
	json_read_begin(&reader, json, len);
	json_read(&reader);
	while ((token = json_read(&reader)) == JSON_TEXT) {
		own(freep) char *word = json_read_text(&reader);

		fprintf(out, "%s%s", ftello(out) ? " " : "", word ?: "");
	}
	if (token != JSON_ARRAY_END) {
		rewind(out);
		fwrite(json, 1, len, out);
	}
	return fclose(out) == 0 ? text : NULL;
}

static int read_object(struct json_reader *reader, const char *prefix, pair_fn *each,
		       void *context);

static int read_value(struct json_reader *reader, struct pair *pair, pair_fn *each, void *context)
{
	const char *before = reader->at, *from;
	int err;

	pair->token = json_read(reader);
	from = reader->at - 1;
	switch (pair->token) {
	case JSON_OBJECT:
		return read_object(reader, pair->key, each, context);
	case JSON_ARRAY:
		json_skip(reader, pair->token);
		pair->text = words_of(from, (size_t)(reader->at - from));
		break;
	case JSON_TEXT:
		pair->text = json_read_text(reader);
		break;
	case JSON_NUMBER:
		before += strspn(before, " \t\r\n:");
		pair->text = strndup(before, (size_t)(reader->at - before));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		pair->text = strdup(pair->token == JSON_TRUE ? "true" : "false");
		break;
	case JSON_NULL:
		pair->text = strdup("");
		break;
	default:
		return -EBADMSG;
	}
	err = pair->text ? each(context, pair) : -ENOMEM;
	free(pair->text);
	return err;
}

static int read_object(struct json_reader *reader, const char *prefix, pair_fn *each, void *context)
{
	enum json_token token;
	int err = 0;

	while (!err && (token = json_read(reader)) == JSON_KEY) {
		own(freep) char *key = json_read_text(reader);
		struct pair pair = { .text = NULL };

		if (!key)
			return -ENOMEM;
		snprintf(pair.key, sizeof(pair.key), "%s%s%s", prefix, *prefix ? "_" : "", key);
		err = read_value(reader, &pair, each, context);
	}
	return err ?: token == JSON_OBJECT_END ? 0 : -EBADMSG;
}

static int each_pair(const char *json, size_t len, pair_fn *each, void *context)
{
	struct json_reader reader;

	json_read_begin(&reader, json, len);
	return json_read(&reader) == JSON_OBJECT ? read_object(&reader, "", each, context)
						 : -EBADMSG;
}

/* What the head of a line is made of, and what is not said again. */
struct line {
	char time[48], collector[40], event[40], pid[16], comm[64];
	FILE *rest;
};

#define NUMBER_COLUMNS 14

/* What is no record: numbers in columns, then its texts; and their names above. */
struct cells {
	FILE *numbers, *texts;
	bool is_heading;
};

static bool is_number(const struct pair *pair)
{
	return pair->token == JSON_NUMBER ||
	       (*pair->text && strspn(pair->text, "0123456789") == strlen(pair->text));
}

static int put_cell(void *context, const struct pair *pair)
{
	struct cells *cells = context;
	const char *text = cells->is_heading ? pair->key : pair->text;

	if (is_number(pair))
		fprintf(cells->numbers, "%*s  ", NUMBER_COLUMNS, text);
	else
		text_put_plain(cells->texts, *text ? text : "-");
	if (!is_number(pair))
		fputs("  ", cells->texts);
	return 0;
}

static int put_cells(FILE *out, const char *json, size_t len, bool is_heading)
{
	own(freep) char *numbers = NULL, *texts = NULL;
	size_t lens[2];
	struct cells cells = { open_memstream(&numbers, &lens[0]), open_memstream(&texts, &lens[1]),
			       is_heading };
	int err = cells.numbers && cells.texts ? 0 : -ENOMEM;

	err = err ?: each_pair(json, len, put_cell, &cells);
	file_closep(&cells.numbers);
	file_closep(&cells.texts);
	if (!err)
		fprintf(out, "%s%.*s\n", numbers, (int)(lens[1] > 2 ? lens[1] - 2 : 0), texts);
	return err;
}

static int first_key(void *context, const struct pair *pair)
{
	/* The first one ends the walk. */
	*(bool *)context = strcmp(pair->key, "seq") == 0;
	return 1;
}

static bool is_record(const char *json, size_t len)
{
	bool is = false;

	return each_pair(json, len, first_key, &is) == 1 && is;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* The same in other words: the time in letters stands beside it, buckets are told by their quantiles. */
static bool is_said(const char *key)
{
	return strcmp(key, "seq") == 0 || ends_with(key, "_unix_ns") || ends_with(key, "_buckets");
}

static int put_pair(void *context, const struct pair *pair)
{
	struct line *line = context;
	const struct {
		const char *key;
		char *place;
		size_t size;
	} heads[] = {
		{ "time", line->time, sizeof(line->time) },
		{ "collector", line->collector, sizeof(line->collector) },
		{ "event", line->event, sizeof(line->event) },
		{ "pid", line->pid, sizeof(line->pid) },
		{ "comm", line->comm, sizeof(line->comm) },
	};

	for (size_t i = 0; i < array_len(heads); i++)
		if (strcmp(pair->key, heads[i].key) == 0) {
			snprintf(heads[i].place, heads[i].size, "%s", pair->text);
			return 0;
		}
	if (is_said(pair->key) || !*pair->text || strcmp(pair->text, "0") == 0 ||
	    pair->token == JSON_FALSE)
		return 0;
	fprintf(line->rest, "  %s=", pair->key);
	text_put_plain(line->rest, pair->text);
	return 0;
}

static void put_padded(FILE *out, const char *text, size_t columns)
{
	size_t used = text_columns(text);

	text_put_plain(out, text);
	for (; used < columns; used++)
		putc(' ', out);
}

static int put_line(struct answer_rows *rows, const char *json, size_t len)
{
	struct line line = { .time = "" };
	own(freep) char *rest = NULL;
	char kind[96];
	size_t rest_len;
	int err;

	if (!is_record(json, len))
		return (rows->count ? 0 : put_cells(rows->out, json, len, true))
			       ?: put_cells(rows->out, json, len, false);
	line.rest = open_memstream(&rest, &rest_len);
	if (!line.rest)
		return -ENOMEM;
	err = each_pair(json, len, put_pair, &line);
	if (fclose(line.rest) != 0 || err)
		return err ?: -ENOMEM;
	if (!rows->count)
		fprintf(rows->out, "%-30s  %-20s  %7s  %s\n", "TIME", "EVENT", "PID", "COMM");
	snprintf(kind, sizeof(kind), "%s.%s", line.collector, line.event);
	put_padded(rows->out, line.time, 30);
	fputs("  ", rows->out);
	put_padded(rows->out, kind, 20);
	fprintf(rows->out, "  %7s  ", line.pid);
	put_padded(rows->out, line.comm, *rest ? 15 : 0);
	fprintf(rows->out, "%s\n", rest);
	return 0;
}

/* Its keys join those that are known. */
static int note_key(void *context, const struct pair *pair)
{
	struct answer_rows *rows = context;
	char *key;
	int err;

	vec_each(known, &rows->keys)
		if (strcmp(*known, pair->key) == 0)
			return 0;
	if (rows->keys.len == ANSWER_ROWS_KEYS)
		return fail(-E2BIG, "more than %d columns are no table", ANSWER_ROWS_KEYS);
	key = strdup(pair->key);
	if (!key)
		return -ENOMEM;
	err = vec_push(&rows->keys, key);
	if (err)
		free(key);
	return err;
}

static int spool(struct answer_rows *rows, const char *json, size_t len)
{
	int err;

	if (!rows->spool)
		rows->spool = tmpfile();
	if (!rows->spool)
		return fail(-errno, "cannot make a file that is put aside: %m");
	err = each_pair(json, len, note_key, rows);
	if (err)
		return err;
	for (const char *at = json; at < json + len; at++)
		putc(*at == '\n' ? ' ' : *at, rows->spool);
	putc('\n', rows->spool);
	return ferror(rows->spool) ? fail(-EIO, "cannot put rows aside: %m") : 0;
}

/* The values of one row, by the number of their key. */
struct csv_row {
	const struct answer_rows *rows;
	char **values;
};

static int take_value(void *context, const struct pair *pair)
{
	struct csv_row *row = context;

	for (size_t i = 0; i < row->rows->keys.len; i++) {
		if (strcmp(row->rows->keys.data[i], pair->key) != 0)
			continue;
		free(row->values[i]);
		row->values[i] = strdup(pair->text);
		return row->values[i] ? 0 : -ENOMEM;
	}
	return 0;
}

static void put_csv(FILE *out, const char *text)
{
	bool is_quoted = strpbrk(text, ",\"\r\n");

	if (is_quoted)
		putc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	if (is_quoted)
		putc('"', out);
}

static int put_csv_row(struct answer_rows *rows, char **values, const char *json, size_t len)
{
	struct csv_row row = { rows, values };
	int err = each_pair(json, len, take_value, &row);

	for (size_t i = 0; i < rows->keys.len; i++) {
		if (i)
			putc(',', rows->out);
		put_csv(rows->out, values[i] ?: "");
		free(values[i]);
		values[i] = NULL;
	}
	putc('\n', rows->out);
	return err;
}

static int put_spooled(struct answer_rows *rows)
{
	own(freep) char **values = calloc(rows->keys.len, sizeof(*values));
	own(freep) char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int err = values ? 0 : -ENOMEM;

	for (size_t i = 0; i < rows->keys.len; i++) {
		if (i)
			putc(',', rows->out);
		put_csv(rows->out, rows->keys.data[i]);
	}
	putc('\n', rows->out);
	rewind(rows->spool);
	while (!err && (len = getline(&line, &room, rows->spool)) > 0)
		err = put_csv_row(rows, values, line, (size_t)len);
	if (!err && ferror(rows->spool))
		err = fail(-EIO, "cannot read what was put aside: %m");
	return err;
}

int answer_rows_add(struct answer_rows *rows, const char *json, size_t len)
{
	int err = 0;

	switch (rows->format) {
	case ANSWER_TABLE:
		err = put_line(rows, json, len);
		break;
	case ANSWER_CSV:
		err = spool(rows, json, len);
		break;
	case ANSWER_JSON:
		fwrite(json, 1, len, rows->out);
		putc('\n', rows->out);
	}
	rows->count++;
	return err;
}

int answer_rows_end(struct answer_rows *rows)
{
	int err = rows->spool ? put_spooled(rows) : 0;

	file_closep(&rows->spool);
	vec_each(key, &rows->keys)
		free(*key);
	vec_done(&rows->keys);
	return err;
}
