/* SPDX-License-Identifier: MIT */
#include "serve/question.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/number.h"
#include "base/text.h"

static int bad_time(const char *text)
{
	int err = fail(-EINVAL, "'%s' is no time", text);

	hint("write 2025-10-28T13:47:15Z, seconds since 1970, or -15m");
	return err;
}

/* 2025-10-28T13:47:15[.123][Z|+01:00] */
static int read_rfc3339(const char *text, uint64_t *ret_unix_ns)
{
	struct tm parts = { 0 };
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	uint64_t ns = 0, unit = NS_PER_S / 10;
	int hours = 0, minutes = 0, used = 0;
	time_t seconds;

	if (!at)
		return -EINVAL;
	if (*at == '.') {
		for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
			ns += (uint64_t)(*at - '0') * unit;
	}
	seconds = timegm(&parts);
	if (*at == '+' || *at == '-') {
		if (sscanf(at + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2)
			return -EINVAL;
		seconds -= (*at == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
		at += 1 + used;
	} else if (*at == 'Z' || *at == 'z') {
		at++;
	}
	if (*at || seconds < 0)
		return -EINVAL;
	*ret_unix_ns = (uint64_t)seconds * NS_PER_S + ns;
	return 0;
}

int question_time(const char *text, uint64_t now_unix_ns, uint64_t *ret_unix_ns)
{
	uint64_t number;

	if (strcmp(text, "now") == 0) {
		*ret_unix_ns = now_unix_ns;
		return 0;
	}
	if (*text == '-') {
		if (number_parse_duration(text + 1, &number) || number > now_unix_ns)
			return bad_time(text);
		*ret_unix_ns = now_unix_ns - number;
		return 0;
	}
	if (number_parse(text, 0, INT64_MAX, &number) == 0) {
		*ret_unix_ns = number < 100000000000ull         ? number * NS_PER_S
			       : number < 100000000000000ull    ? number * NS_PER_MS
			       : number < 100000000000000000ull ? number * NS_PER_US
								: number;
		return 0;
	}
	return read_rfc3339(text, ret_unix_ns) ? bad_time(text) : 0;
}

static bool is_named(const struct schema *schema, const char *name)
{
	char table[COLUMNS_TABLE_BYTES], dotted[COLUMNS_TABLE_BYTES];

	columns_table(schema, table);
	snprintf(dotted, sizeof(dotted), "%s.%s", schema->collector, schema->event);
	if (strcmp(table, name) == 0 || strcmp(dotted, name) == 0)
		return true;
	/* What is made of other records is meant only where it is named itself. */
	return schema->shape != SCHEMA_JOINED && strcmp(schema->collector, name) == 0;
}

/* Two programs of a collector may bring records of one kind. */
static bool is_there(const struct question *question, const struct schema *schema)
{
	vec_each(one, &question->schemas)
		if (strcmp((*one)->collector, schema->collector) == 0 &&
		    strcmp((*one)->event, schema->event) == 0)
			return true;
	return false;
}

int question_add_kind(struct question *question, const struct api *api, const char *name)
{
	const char *nearest = NULL;
	size_t least = strlen(name) / 2 + 1;
	bool has_any = false;
	int err = 0;

	for (size_t i = 0; i < api->view_count; i++)
		for (const struct schema *const *one = api->views[i].schemas; !err && *one; one++) {
			size_t distance = text_distance(name, (*one)->collector);

			if (distance < least) {
				least = distance;
				nearest = (*one)->collector;
			}
			if (!is_named(*one, name))
				continue;
			has_any = true;
			if (!is_there(question, *one))
				err = vec_push(&question->schemas, *one);
		}
	if (err || has_any)
		return err;
	err = fail(-EINVAL, "there are no records '%s'", name);
	if (nearest)
		hint("did you mean '%s'?", nearest);
	return err;
}

static int add_all_kinds(struct question *question, const struct api *api)
{
	int err = 0;

	for (size_t i = 0; i < api->view_count; i++)
		for (const struct schema *const *one = api->views[i].schemas; !err && *one; one++)
			if ((*one)->shape != SCHEMA_JOINED && !is_there(question, *one))
				err = vec_push(&question->schemas, *one);
	return err;
}

int question_add_kinds(struct question *question, const struct api *api, const char *list)
{
	own(freep) char *text = NULL;
	char *rest;
	int err;

	question->is_of_all = !list;
	if (!list)
		return add_all_kinds(question, api);
	rest = text = strdup(list);
	err = text ? 0 : -ENOMEM;
	for (char *name; !err && (name = strsep(&rest, ",")) != NULL;)
		err = question_add_kind(question, api, name);
	return err;
}

/* The column that a parameter names, in any of the kinds. */
static const struct column *find_column(const struct question *question, const struct api *api,
					const char *name, const char **ret_nearest)
{
	size_t least = strlen(name) / 2 + 1;

	vec_each(schema, &question->schemas) {
		const struct columns *columns =
			*schema ? store_columns(api->reader, *schema) : NULL;

		for (size_t i = 0; columns && i < columns->list.len; i++) {
			const struct column *column = &columns->list.data[i];
			size_t distance = text_distance(name, column->name);

			if (strcmp(column->name, name) == 0)
				return column;
			if (distance < least) {
				least = distance;
				*ret_nearest = column->name;
			}
		}
	}
	return NULL;
}

/* 10ms of a column in nanoseconds, 4K of bytes, true; an enum and the like stay texts. */
static int read_value(const struct column *column, const char *text, struct store_filter *filter)
{
	uint64_t number;
	int err;

	if (column->kind == COLUMN_BOOL) {
		filter->is_number = true;
		filter->number = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
		return filter->number || strcmp(text, "false") == 0 || strcmp(text, "0") == 0
			       ? 0
			       : fail(-EINVAL, "'%s' is true or false", column->name);
	}
	if (column->kind != COLUMN_NUMBER) {
		filter->text = text;
		return 0;
	}
	filter->is_number = true;
	err = number_parse(text, 0, UINT64_MAX, &number);
	if (err && (column->field->unit == UNIT_NS || column->part >= PART_COUNT_OF))
		err = number_parse_duration(text, &number);
	if (err && column->field->unit == UNIT_BYTES)
		err = number_parse_bytes(text, &number);
	filter->number = (int64_t)number;
	return err ? fail(-EINVAL, "'%s' is no value for '%s'", text, column->name) : 0;
}

/* pid=1, errno!=0 (the name then ends in '!'), min_NAME=, max_NAME= */
static int add_filter(struct question *question, const struct api *api, const char *name,
		      const char *value)
{
	struct store_filter filter = { .compare = STORE_EQUAL };
	own(freep) char *copy = strdup(name);
	const char *wanted = copy, *nearest = NULL;
	const struct column *column;
	int err;

	if (!copy)
		return -ENOMEM;
	column = find_column(question, api, wanted, &nearest);
	if (!column && *copy && copy[strlen(copy) - 1] == '!') {
		copy[strlen(copy) - 1] = '\0';
		filter.compare = STORE_UNEQUAL;
		column = find_column(question, api, wanted, &nearest);
	} else if (!column && (strncmp(copy, "min_", 4) == 0 || strncmp(copy, "max_", 4) == 0)) {
		filter.compare = copy[1] == 'i' ? STORE_AT_LEAST : STORE_AT_MOST;
		wanted = copy + 4;
		column = find_column(question, api, wanted, &nearest);
	}
	if (!column) {
		err = fail(-EINVAL, "there is no parameter '%s' here", name);
		if (nearest)
			hint("did you mean '%s'?", nearest);
		return err;
	}
	if (question->query.filter_count == STORE_MAX_FILTERS)
		return fail(-EINVAL, "at most %d conditions", STORE_MAX_FILTERS);
	filter.column = column->name;
	err = read_value(column, value, &filter);
	if (!err)
		question->query.filters[question->query.filter_count++] = filter;
	return err;
}

static int read_cursor(struct question *question, const char *text)
{
	uint64_t at, seq, hash;
	int used = 0;

	if (sscanf(text, "%" SCNx64 "-%" SCNx64 "-%" SCNx64 "%n", &at, &seq, &hash, &used) != 3 ||
	    text[used])
		return fail(-EINVAL, "'%s' is no cursor", text);
	if (hash != question->filter_hash)
		return fail(-EINVAL, "the cursor belongs to another question");
	question->query.after_at = at;
	question->query.after_seq = seq;
	return 0;
}

void question_cursor(const struct question *question, uint64_t at, uint64_t seq, char *text)
{
	snprintf(text, QUESTION_CURSOR_BYTES, "%" PRIx64 "-%" PRIx64 "-%" PRIx64, at, seq,
		 question->filter_hash);
}

static int read_limit(struct question *question, const char *text)
{
	uint64_t limit;

	if (number_parse(text, 1, QUESTION_LIMIT_MAX, &limit))
		return fail(-EINVAL, "'limit' is 1 to %d", QUESTION_LIMIT_MAX);
	question->query.limit = limit;
	return 0;
}

static int read_order(struct question *question, const char *text)
{
	if (strcmp(text, "asc") != 0 && strcmp(text, "desc") != 0)
		return fail(-EINVAL, "'order' is asc or desc");
	question->query.newest_first = text[0] == 'd';
	return 0;
}

static bool is_known(const char *const *known, const char *name)
{
	for (; known && *known; known++)
		if (strcmp(*known, name) == 0)
			return true;
	return false;
}

static int read_one(struct question *question, const struct api *api, const char *const *known,
		    const struct parameter *parameter)
{
	const char *name = parameter->name, *value = parameter->value;
	struct store_query *query = &question->query;

	if (strcmp(name, "cursor") == 0 || strcmp(name, "type") == 0 || is_known(known, name))
		return 0;
	if (strcmp(name, "start") == 0)
		return question_time(value, question->now_unix_ns, &query->start_unix_ns);
	if (strcmp(name, "end") == 0)
		return question_time(value, question->now_unix_ns, &query->end_unix_ns);
	if (strcmp(name, "limit") == 0)
		return read_limit(question, value);
	if (strcmp(name, "order") == 0)
		return read_order(question, value);
	/* A column that is called as one of the above: column.end= */
	if (strncmp(name, "column.", 7) == 0)
		name += 7;
	return add_filter(question, api, name, value);
}

/* What a cursor is good for: the same kinds, conditions and order. */
static uint64_t hash_of(const struct question *question, const struct request *request)
{
	uint64_t hash = hash_bytes(request->path, strlen(request->path), 7);

	hash = hash_mix(hash, question->query.newest_first);
	vec_each(parameter, &request->parameters) {
		if (strcmp(parameter->name, "cursor") == 0 || strcmp(parameter->name, "limit") == 0)
			continue;
		hash = hash_bytes(parameter->name, strlen(parameter->name), hash);
		hash = hash_bytes(parameter->value, strlen(parameter->value), hash);
	}
	return hash;
}

int question_read(struct question *question, const struct api *api, const struct request *request,
		  const char *const *known)
{
	const char *types = request_parameter(request, "type");
	const char *cursor = request_parameter(request, "cursor");
	int err = 0;

	question->now_unix_ns = clock_unix_ns();
	question->query.limit = QUESTION_LIMIT;
	question->query.newest_first = true;
	if (types || !question->schemas.len)
		err = question_add_kinds(question, api, types);
	vec_each(parameter, &request->parameters)
		err = err ?: read_one(question, api, known, parameter);
	err = err ?: vec_push(&question->schemas, NULL);
	if (err)
		return err;
	question->query.schemas = question->schemas.data;
	question->filter_hash = hash_of(question, request);
	if (question->query.end_unix_ns &&
	    question->query.end_unix_ns <= question->query.start_unix_ns)
		return fail(-EINVAL, "'end' does not lie behind 'start'");
	return cursor ? read_cursor(question, cursor) : 0;
}

int question_lost(struct store_reader *reader, const struct question *question,
		  uint64_t start_unix_ns, uint64_t end_unix_ns, uint64_t *ret_lost)
{
	int err = 0;

	*ret_lost = 0;
	vec_each(schema, &question->schemas) {
		bool is_counted = !*schema;
		uint64_t lost = 0;

		for (size_t i = 0; !is_counted && &question->schemas.data[i] != schema; i++)
			is_counted = strcmp(question->schemas.data[i]->collector,
					    (*schema)->collector) == 0;
		if (is_counted)
			continue;
		err = err
			      ?: store_read_losses(reader, start_unix_ns, end_unix_ns,
						   (*schema)->collector, &lost);
		*ret_lost = store_lost_add(*ret_lost, lost);
	}
	return err;
}

bool question_is_of(const struct question *question, const char *collector)
{
	if (question->is_of_all || strcmp(collector, "kymo") == 0)
		return true;
	vec_each(schema, &question->schemas)
		if (*schema && strcmp((*schema)->collector, collector) == 0)
			return true;
	return false;
}

void question_done(struct question *question)
{
	vec_done(&question->schemas);
}
