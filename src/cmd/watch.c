/* SPDX-License-Identifier: MIT */
#include "cmd/watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "cmd/color.h"
#include "cmd/help.h"
#include "session/watch.h"
#include "show/record_sinks.h"

#define ERRNO_MAX 4095

/* What the words of the command line amount to. */
struct chosen {
	vec(const struct collector *) collectors;
	vec(struct knob_value) knobs;
};

static void chosen_done(struct chosen *chosen)
{
	vec_done(&chosen->collectors);
	vec_done(&chosen->knobs);
}

static int fail_unknown(const char *name)
{
	struct guess guess = { name, NULL, SIZE_MAX };
	int err = fail(-ERROR_USAGE, "there is no collector '%s'", name);

	for (const struct collector *const *one = collectors; *one; one++)
		guess_try(&guess, (*one)->name);
	if (guess.name)
		hint("did you mean '%s'? 'kymo watch' lists them", guess.name);
	else
		hint("'kymo watch' lists them");
	return err;
}

static bool is_chosen(const struct chosen *chosen, const struct collector *collector)
{
	vec_each(one, &chosen->collectors)
		if (*one == collector)
			return true;
	return false;
}

static int choose(struct chosen *chosen, const struct collector *collector)
{
	return is_chosen(chosen, collector) ? 0 : vec_push(&chosen->collectors, collector);
}

static int choose_named(struct chosen *chosen, const char *name)
{
	const struct collector *collector = collector_find(name);
	int err = 0;

	if (collector)
		return choose(chosen, collector);
	if (strcmp(name, "all") != 0)
		return fail_unknown(name);
	for (const struct collector *const *one = collectors; !err && *one; one++)
		if ((*one)->by_default)
			err = choose(chosen, *one);
	return err;
}

static const struct object_knob *find_knob(const struct collector *collector, const char *name)
{
	const struct object *objects[] = { collector->object, collector->syscalls };

	for (size_t i = 0; i < array_len(objects); i++)
		for (size_t j = 0; objects[i] && j < objects[i]->knob_count; j++)
			if (strcmp(objects[i]->knobs[j].name, name) == 0)
				return &objects[i]->knobs[j];
	return NULL;
}

static int read_knob_value(const struct object_knob *knob, const char *text, uint64_t *ret)
{
	uint64_t most = ~0ull >> (64 - knob->size * 8);

	switch (knob->unit) {
	case UNIT_NS:
		return number_parse_duration(text, ret);
	case UNIT_BYTES:
		return number_parse_bytes(text, ret);
	default:
		return number_parse(text, 0, most, ret);
	}
}

static int fail_unknown_knob(const char *text, const struct collector *collector, const char *name)
{
	struct guess guess = { name, NULL, SIZE_MAX };
	const struct object *objects[] = { collector->object, collector->syscalls };
	int err = fail(-ERROR_USAGE, "'--set %s' names nothing that can be set", text);

	for (size_t i = 0; i < array_len(objects); i++)
		for (size_t j = 0; objects[i] && j < objects[i]->knob_count; j++)
			guess_try(&guess, objects[i]->knobs[j].name);
	if (guess.name)
		hint("did you mean '%s.%s'?", collector->name, guess.name);
	else
		hint("'kymo watch' lists what can be, as COLLECTOR.KNOB");
	return err;
}

/* "disk.slow=5ms" */
static int add_knob(struct chosen *chosen, const char *text)
{
	const char *dot = strchr(text, '.'), *equals = dot ? strchr(dot, '=') : NULL;
	own(freep) char *collector_name = dot ? strndup(text, (size_t)(dot - text)) : NULL;
	own(freep) char *name = equals ? strndup(dot + 1, (size_t)(equals - dot - 1)) : NULL;
	const struct collector *collector = collector_name ? collector_find(collector_name) : NULL;
	const struct object_knob *knob = collector && name ? find_knob(collector, name) : NULL;
	struct knob_value value;
	int err;

	if (collector_name && !collector)
		return fail_unknown(collector_name);
	if (!knob && collector && name)
		return fail_unknown_knob(text, collector, name);
	if (!knob) {
		err = fail(-ERROR_USAGE, "'--set %s' names nothing that can be set", text);
		hint("'kymo watch' lists what can be, as COLLECTOR.KNOB");
		return err;
	}
	value = (struct knob_value){ .collector = collector->name, .name = knob->name };
	if (read_knob_value(knob, equals + 1, &value.value))
		return fail(-ERROR_USAGE, "'%s' is no value for '%s'", equals + 1, knob->name);
	return vec_push(&chosen->knobs, value);
}

static int read_chosen(const struct arguments *arguments, struct chosen *chosen)
{
	const struct argument *at = NULL;
	int err = 0;

	for (size_t i = 0; !err && i < arguments->operands.len; i++)
		err = choose_named(chosen, arguments->operands.data[i]);
	while (!err && (at = arguments_next(arguments, "set", at)) != NULL)
		err = add_knob(chosen, at->value.text);
	return err ?: vec_push(&chosen->collectors, NULL);
}

static int read_address(const char *text, struct net_address *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(ret->bytes, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, ret->bytes + sizeof(mapped)) == 1 ||
	    inet_pton(AF_INET6, text, ret->bytes) == 1)
		return 0;
	return fail(-ERROR_USAGE, "'%s' is no address of IPv4 or IPv6", text);
}

static int read_errno(const char *text, uint32_t *ret)
{
	struct guess guess = { text, NULL, SIZE_MAX };
	uint64_t number;
	int err;

	for (int i = 1; i <= ERRNO_MAX; i++) {
		const char *name = strerrorname_np(i);

		if (name && strcasecmp(name, text) == 0) {
			*ret = (uint32_t)i;
			return 0;
		}
		if (name)
			guess_try(&guess, name);
	}
	if (number_parse(text, 1, ERRNO_MAX, &number)) {
		err = fail(-ERROR_USAGE, "'%s' is no error of the kernel", text);
		if (guess.name)
			hint("did you mean '%s'?", guess.name);
		else
			hint("'errno -l' of moreutils lists them: ENOENT, EACCES ...");
		return err;
	}
	*ret = (uint32_t)number;
	return 0;
}

static int read_pids(const struct arguments *arguments, struct event_filter *filter)
{
	const struct argument *at = NULL;

	while ((at = arguments_next(arguments, "pid", at)) != NULL) {
		if (filter->pid_count == EVENT_PIDS)
			return fail(-ERROR_USAGE, "at most %d processes can be named", EVENT_PIDS);
		filter->pids[filter->pid_count++] = (u32)at->value.number;
	}
	return 0;
}

static int read_filter(const struct arguments *arguments, struct watch_request *request)
{
	struct event_filter *filter = &request->engine.filter;
	const char *comm = arguments_text(arguments, "comm");
	const char *address = arguments_text(arguments, "address");
	const char *error = arguments_text(arguments, "errno");
	int err = read_pids(arguments, filter);

	if (comm)
		strncpy(filter->comm, comm, sizeof(filter->comm) - 1);
	filter->has_uid = arguments_has(arguments, "uid");
	filter->uid = (u32)arguments_number(arguments, "uid");
	filter->min_duration = arguments_number(arguments, "min-duration");
	request->cgroup = arguments_text(arguments, "cgroup");
	request->min_duration_ns = filter->min_duration;
	request->port = (uint32_t)arguments_number(arguments, "port");
	request->has_address = address != NULL;
	if (!err && address)
		err = read_address(address, &request->address);
	if (!err && error)
		err = read_errno(error, &request->error);
	return err;
}

/* What a reader of the output must know. */
static void put_closing(const struct coverage *coverage)
{
	vec_each(loss, &coverage->lost)
		fprintf(stderr, "kymo: lost: %lu %s\n", (unsigned long)loss->count, loss->kind);
	vec_each(what, &coverage->not_measured)
		fprintf(stderr, "kymo: not measured: %s\n", *what);
}

static int watch(const struct arguments *arguments, struct watch_request *request)
{
	own(coverage_done) struct coverage coverage = { 0 };
	struct file_output output;
	int err = file_output_open_private(&output, arguments_text(arguments, "output"));

	if (err)
		return err;
	__fsetlocking(output.out, FSETLOCKING_BYCALLER); /* this thread alone writes */
	request->target.out = output.out;
	request->target.colour = color_wanted(arguments, output.out);
	request->target.ascii = !locale_is_utf8();
	request->target.in_place = isatty(fileno(output.out));
	err = watch_run(request, &coverage);
	if (err) {
		file_output_abort(&output);
		return err;
	}
	err = file_output_commit(&output);
	if (!err && !arguments_flag(arguments, "quiet"))
		put_closing(&coverage);
	return err;
}

/* What has one unit is not said again by its key. */
static void put_fields(const struct schema *schema)
{
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *field = &schema->fields[i];

		printf("      %-24s %s\n", field->key, field->help);
	}
}

static void put_knobs(const struct collector *collector, const struct object *object)
{
	for (size_t i = 0; object && i < object->knob_count; i++)
		printf("    --set %s.%s=%lu%s  %s\n", collector->name, object->knobs[i].name,
		       (unsigned long)object->knobs[i].fallback,
		       object->knobs[i].unit == UNIT_NS ? "ns" : "", object->knobs[i].help);
}

static void put_schemas(const struct collector *collector, const struct object *object)
{
	for (const struct schema *const *one = object->schemas; *one; one++) {
		printf("    %s %s\n", collector->name, (*one)->event);
		put_fields(*one);
	}
	for (size_t i = 0; i < object->table_count; i++) {
		printf("    %s %s, counted  %s\n", collector->name, object->tables[i].schema->event,
		       object->tables[i].schema->help);
		put_fields(object->tables[i].schema);
	}
}

static int list(void)
{
	for (const struct collector *const *one = collectors; *one; one++) {
		printf("%s%s\n    %s\n", (*one)->name, (*one)->by_default ? "" : " (not in 'all')",
		       (*one)->help);
		if ((*one)->cost)
			printf("    cost: %s\n", (*one)->cost);
		put_knobs(*one, (*one)->object);
		put_schemas(*one, (*one)->object);
		if ((*one)->standing && !(*one)->know) {
			puts("    with --standing:");
			put_schemas(*one, (*one)->standing);
		}
		if ((*one)->syscalls) {
			printf("    with --syscalls: %s\n", (*one)->syscalls_help);
			put_knobs(*one, (*one)->syscalls);
			put_schemas(*one, (*one)->syscalls);
		}
		putchar('\n');
	}
	return 0;
}

static const struct record_sink *choose_sink(const struct arguments *arguments)
{
	if (arguments_flag(arguments, "json"))
		return &show_record_json;
	if (arguments_flag(arguments, "csv"))
		return &show_record_csv;
	return arguments_flag(arguments, "summary") ? &show_record_summary : &show_record_table;
}

int watch_verb_run(const struct arguments *arguments)
{
	own(chosen_done) struct chosen chosen = { 0 };
	struct watch_request request = {
		.duration_ns = arguments_number(arguments, "duration"),
		.count = arguments_number(arguments, "count"),
		.sink = choose_sink(arguments),
	};
	int err = read_chosen(arguments, &chosen);

	if (!err && chosen.collectors.len == 1)
		return list();
	err = err ?: read_filter(arguments, &request);
	if (err)
		return err;
	request.engine.collectors = chosen.collectors.data;
	request.engine.all_or_none = chosen.collectors.len == 2; /* one, and the NULL */
	request.engine.knobs = chosen.knobs.data;
	request.engine.knob_count = chosen.knobs.len;
	request.engine.room = (uint32_t)arguments_number(arguments, "room");
	request.engine.interval_ns = arguments_number(arguments, "interval");
	request.engine.syscalls = arguments_flag(arguments, "syscalls");
	request.engine.standing = arguments_flag(arguments, "standing");
	return watch(arguments, &request);
}
