/* SPDX-License-Identifier: MIT */
/* record_json.c - one JSON object a line for each record, row of a table, and loss.
 *
 * The first line says that nothing is missed from now on:
 *
 *     {"collector":"kymo","event":"begin","at_unix_ns":N,"schema_version":1,"collectors":["disk",...]}
 *
 *     {"collector":"disk","event":"slow","at_unix_ns":N,...}
 *
 * The keys are those of the schema, with units in their names; what was not measured is null.  A
 * histogram is {"count":N,"sum_ns":N,"max_ns":N,"p50_ns":N,"p90_ns":N,"p99_ns":N,"buckets":[{"ge_ns":N,
 * "le_ns":N,"count":N},...]} with the buckets in which something is.  Beside the number of a control
 * group ("cgroup_id") stand its path ("cgroup") and the container that the path names ("container").
 * Beside the number of a system call ("syscall_number") stands its name ("syscall").  Records that were
 * lost:
 *
 *     {"collector":"process","event":"lost","of":"exec","count":N,"from_unix_ns":N,"to_unix_ns":N}
 *
 * The last line says how it was measured:
 *
 *     {"collector":"kymo","event":"summary","lost":N,"coverage":{"mode":...,"lost":[...],
 *      "not_measured":[...]}}
 */
#include "base/json.h"

#include <string.h>

#include "base/clock.h"
#include "model/container_id.h"
#include "model/histogram.h"
#include "model/syscalls.h"
#include "show/record_sinks.h"

#define SCHEMA_VERSION 1 /* grows when the meaning of a key changes */

static void put_histogram(struct json *json, const struct record *record, const struct field *field)
{
	struct histogram histogram;

	memcpy(&histogram, record->bytes + field->offset, sizeof(histogram));
	json_object(json, field->name);
	json_u64(json, "count", histogram_count(&histogram));
	json_u64(json, "sum_ns", histogram.sum);
	json_u64(json, "max_ns", histogram.max);
	json_u64(json, "p50_ns", histogram_quantile(&histogram, 0.5));
	json_u64(json, "p90_ns", histogram_quantile(&histogram, 0.9));
	json_u64(json, "p99_ns", histogram_quantile(&histogram, 0.99));
	json_array(json, "buckets");
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!histogram.buckets[i])
			continue;
		json_object(json, NULL);
		json_u64(json, "ge_ns", histogram_low(i));
		json_u64(json, "le_ns", histogram_high(i));
		json_u64(json, "count", histogram.buckets[i]);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}

/* @words: closed by NUL each, but for one that is cut. */
static int put_list(struct json *json, const char *key, const char *words, size_t len)
{
	json_array(json, key);
	for (size_t at = 0; at < len;) {
		own(freep) char *text = strndup(words + at, len - at);

		if (!text)
			return -ENOMEM;
		json_text(json, NULL, text);
		at += strlen(text) + 1;
	}
	json_array_end(json);
	return 0;
}

static int put_words(struct json *json, const struct record_target *target,
		     const struct record *record, const struct field *field)
{
	own(freep) char *redacted = NULL;
	size_t len;
	const char *words = record_words(record, field, &len);
	int err;

	if (!target->redact)
		return put_list(json, field->key, words, len);
	err = redact_argv(target->redact, words, len, &redacted, &len);
	return err ?: put_list(json, field->key, redacted, len);
}

/* The path of a group, and the container that it names.  The group that the process is in is called
 * "cgroup", and its container "container"; those of another field are NAME and NAME_container.
 */
static void put_cgroup(struct json *json, const struct field *field, const char *path)
{
	char id[CONTAINER_ID_DIGITS + 1], key[64];

	if (strcmp(field->name, "cgroup") == 0)
		strcpy(key, "container");
	else
		snprintf(key, sizeof(key), "%s_container", field->name);
	json_text(json, field->name, path);
	json_text(json, key, path && container_id(path, id) ? id : NULL);
}

static int put_text(struct json *json, const struct record_target *target,
		    const struct record *record, const struct field *field)
{
	own(freep) char *text = malloc(RECORD_TEXT_BYTES), *redacted = NULL;
	bool is_path = field->kind == FIELD_TEXT || field->kind == FIELD_PATH;
	size_t len;
	int err = 0;

	if (!text)
		return -ENOMEM;
	record_text(record, field, text);
	if (field->unit == UNIT_CGROUP) {
		put_cgroup(json, field, text);
		return 0;
	}
	if (is_path && target->redact)
		err = redact_argv(target->redact, text, strlen(text) + 1, &redacted, &len);
	if (!err)
		json_text(json, field->key, redacted ?: text);
	return err;
}

/* What a number stands for, beside it. */
static void put_meaning(struct json *json, const struct record_target *target,
			const struct record *record, const struct field *field)
{
	bool is_known = field->kind == FIELD_UNSIGNED && record_has(record, field);
	uint64_t number = is_known ? record_u64(record, field) : 0;

	if (field->unit == UNIT_SYSCALL)
		json_text(json, field->name, is_known ? syscall_name((unsigned)number) : NULL);
	if (field->unit == UNIT_CGROUP)
		put_cgroup(json, field,
			   is_known ? target->cgroup_path(target->context, number) : NULL);
}

static void put_nothing(struct json *json, const struct record_target *target,
			const struct record *record, const struct field *field)
{
	if (field->kind == FIELD_TEXT && field->unit == UNIT_CGROUP) {
		put_cgroup(json, field, NULL);
		return;
	}
	json_null(json, field->kind == FIELD_HISTOGRAM ? field->name : field->key);
	put_meaning(json, target, record, field);
}

static int put_field(struct json *json, struct record_target *target, const struct record *record,
		     const struct field *field)
{
	if (field->kind == FIELD_WORDS)
		return put_words(json, target, record, field);
	if (!record_has(record, field)) {
		put_nothing(json, target, record, field);
		return 0;
	}
	switch (field->kind) {
	case FIELD_BOOL:
		json_bool(json, field->key, record_u64(record, field) != 0);
		return 0;
	case FIELD_SIGNED:
		json_i64(json, field->key, (int64_t)record_u64(record, field));
		return 0;
	case FIELD_ENUM:
		json_text(json, field->key, record_enum(record, field));
		return 0;
	case FIELD_HISTOGRAM:
		put_histogram(json, record, field);
		return 0;
	case FIELD_UNSIGNED:
		json_u64(json, field->key,
			 record_u64(record, field) +
				 (field->unit == UNIT_MONO_NS ? target->unix_offset_ns : 0));
		put_meaning(json, target, record, field);
		return 0;
	default:
		return put_text(json, target, record, field);
	}
}

static int json_record(struct record_target *target, const struct record *record)
{
	const struct schema *schema = record->schema;
	struct json json;
	int err = 0;

	json_begin(&json, target->out, false);
	json_object(&json, NULL);
	json_text(&json, "collector", schema->collector);
	json_text(&json, "event", schema->event);
	for (size_t i = 0; !err && i < schema->field_count; i++)
		err = put_field(&json, target, record, &schema->fields[i]);
	if (err)
		return err;
	json_object_end(&json);
	putc('\n', target->out);
	return 0;
}

static int json_start(struct record_target *target)
{
	struct json json;

	json_begin(&json, target->out, false);
	json_object(&json, NULL);
	json_text(&json, "collector", "kymo");
	json_text(&json, "event", "begin");
	json_u64(&json, "at_unix_ns", clock_unix_ns());
	json_u64(&json, "schema_version", SCHEMA_VERSION);
	json_array(&json, "collectors");
	for (size_t i = 0; i < target->view_count; i++)
		json_text(&json, NULL, target->views[i].collector);
	json_array_end(&json);
	json_object_end(&json);
	putc('\n', target->out);
	return 0;
}

static int json_loss(struct record_target *target, const struct record_loss *loss)
{
	struct json json;

	json_begin(&json, target->out, false);
	json_object(&json, NULL);
	json_text(&json, "collector", loss->collector);
	json_text(&json, "event", "lost");
	json_text(&json, "of", loss->event);
	json_u64(&json, "count", loss->count);
	json_u64(&json, "from_unix_ns", loss->from_mono_ns + target->unix_offset_ns);
	json_u64(&json, "to_unix_ns", loss->to_mono_ns + target->unix_offset_ns);
	json_object_end(&json);
	putc('\n', target->out);
	return 0;
}

static int json_end(struct record_target *target, const struct coverage *coverage)
{
	struct json json;

	json_begin(&json, target->out, false);
	json_object(&json, NULL);
	json_text(&json, "collector", "kymo");
	json_text(&json, "event", "summary");
	json_u64(&json, "lost", coverage_lost(coverage));
	json_object(&json, "coverage");
	json_text(&json, "mode", coverage->mode ?: "");
	json_array(&json, "lost");
	vec_each(loss, &coverage->lost) {
		json_object(&json, NULL);
		json_text(&json, "kind", loss->kind);
		json_u64(&json, "count", loss->count);
		json_u64(&json, "first_unix_ns", loss->first_mono_ns + target->unix_offset_ns);
		json_u64(&json, "last_unix_ns", loss->last_mono_ns + target->unix_offset_ns);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_array(&json, "not_measured");
	vec_each(what, &coverage->not_measured)
		json_text(&json, NULL, *what);
	json_array_end(&json);
	json_object_end(&json);
	json_object_end(&json);
	putc('\n', target->out);
	return 0;
}

const struct record_sink show_record_json = {
	.name = "json",
	.begin = json_start,
	.record = json_record,
	.loss = json_loss,
	.end = json_end,
};
