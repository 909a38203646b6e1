/* SPDX-License-Identifier: MIT */
#include "session/selftest.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/engine.h"

#define DRAIN_MS    20
#define PATIENCE_NS (10 * NS_PER_S) /* after the storm, until what is missing is missing */

/* One kind of record, and how its records are told from those of others on this host. */
struct kind {
	const char *collector, *event;
	enum storm_kind storm;
	const char *who; /* field that holds the storm's PID */
	const char *key; /* field that holds the number of the thing; NULL: they are only counted */
	const char *and_also; /* an enum field, and the word in it; or NULL */
	const char *word;
	const char *sum; /* field of a table that counts them; NULL: each has a record */
};

static const struct kind kinds[] = {
	{ "process", "fork", STORM_PROCESSES, "ppid", "pid", NULL, NULL },
	{ "process", "exec", STORM_PROCESSES, "ppid", "pid", NULL, NULL },
	{ "process", "exit", STORM_PROCESSES, "ppid", "pid", NULL, NULL },
	{ "tcp", "connect", STORM_CONNECTIONS, "pid", "local_port", NULL, NULL },
	{ "tcp", "accept", STORM_CONNECTIONS, "pid", "remote_port", NULL, NULL },
	{ "tcp", "close", STORM_CONNECTIONS, "pid", "local_port", "role", "client" },
	{ "tcp", "close", STORM_CONNECTIONS, "pid", "remote_port", "role", "server" },
	{ "disk", "io", STORM_WRITES, "pid", NULL, "operation", "write" },
	{ "signal", "sent", STORM_SIGNALS, "pid", NULL, NULL, NULL },
	{ "memory", "processes", STORM_FAULTS, "pid", NULL, NULL, NULL, "major_faults" },
};

/* Every request is slow. */
static const struct knob_value knobs[] = { { "disk", "slow", 0 } };

struct sight {
	const struct kind *kind;
	struct trial_row row;
	vec(uint32_t) numbers; /* that were seen, as they came */
	vec(uint64_t) delays;
};

struct selftest {
	struct trial *trial;
	struct engine *engine;
	struct storm storm;
	pid_t storm_pid;
	struct sight sights[array_len(kinds)];
};

static bool is_of(const struct selftest *test, const struct kind *kind, const struct record *record)
{
	const struct schema *schema = record->schema;
	const struct field *who, *also;

	if (strcmp(schema->collector, kind->collector) != 0 ||
	    strcmp(schema->event, kind->event) != 0)
		return false;
	who = schema_field(schema, kind->who);
	if (!who || record_u64(record, who) != (uint64_t)test->storm_pid)
		return false;
	also = kind->and_also ? schema_field(schema, kind->and_also) : NULL;
	return !also || strcmp(record_enum(record, also), kind->word) == 0;
}

/* How often it happened, by one record. */
static uint64_t times_in(const struct record *record, const char *sum)
{
	const struct field *field = sum ? schema_field(record->schema, sum) : NULL;

	if (!field)
		return 1;
	return record_has(record, field) ? record_u64(record, field) : 0;
}

static int take_record(struct selftest *test, const struct record *record, uint64_t at_mono_ns)
{
	uint64_t now = clock_mono_ns(), delay = now > at_mono_ns ? now - at_mono_ns : 0;
	int err = 0;

	for (size_t i = 0; !err && i < array_len(kinds); i++) {
		struct sight *sight = &test->sights[i];
		const struct field *key;
		uint64_t times;
		uint32_t number;

		if (!is_of(test, &kinds[i], record))
			continue;
		key = kinds[i].key ? schema_field(record->schema, kinds[i].key) : NULL;
		number = key ? (uint32_t)record_u64(record, key) : 0;
		for (times = times_in(record, kinds[i].sum); !err && times; times--)
			err = vec_push(&sight->numbers, number);
		err = err ?: vec_push(&sight->delays, delay);
	}
	return err;
}

static int drain(struct selftest *test, bool is_last)
{
	const struct records_batch *batch;
	int err = engine_drain(test->engine, is_last, &batch);

	for (size_t i = 0; !err && i < batch->entries.len; i++) {
		struct record record = records_at(batch, i);

		err = take_record(test, &record, batch->entries.data[i].at_mono_ns);
	}
	if (err)
		return err;
	vec_each(loss, &batch->losses)
		for (size_t i = 0; i < array_len(kinds); i++)
			if (strcmp(loss->collector, kinds[i].collector) == 0 &&
			    strcmp(loss->event, kinds[i].event) == 0)
				test->sights[i].row.lost += loss->count;
	return 0;
}

static bool has_all(const struct selftest *test)
{
	for (size_t i = 0; i < array_len(kinds); i++) {
		const struct sight *sight = &test->sights[i];

		if (!*sight->row.reason &&
		    sight->numbers.len + sight->row.lost < test->storm.truth->count[kinds[i].storm])
			return false;
	}
	return true;
}

static int watch_storm(struct selftest *test, int release)
{
	struct pollfd wait = { .fd = engine_descriptor(test->engine), .events = POLLIN };
	uint64_t until = 0;
	int err = write(release, "", 1) == 1 ? 0 : fail(-errno, "cannot begin the storm: %m");

	while (!err && (!until || (clock_mono_ns() < until && !has_all(test)))) {
		poll(&wait, 1, DRAIN_MS);
		err = drain(test, false);
		if (!until && storm_is_over(&test->storm))
			until = clock_mono_ns() + PATIENCE_NS;
	}
	engine_stop(test->engine);
	return err ?: drain(test, true);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool happened(const struct storm_truth *truth, enum storm_kind storm, uint32_t number)
{
	for (uint32_t i = 0; i < truth->count[storm]; i++)
		if (truth->numbers[storm][i] == number)
			return true;
	return false;
}

static bool is_first(const struct sight *sight, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (sight->numbers.data[i] == sight->numbers.data[index])
			return false;
	return true;
}

/* What was seen, against what happened. */
static void judge(struct sight *sight, const struct storm_truth *truth)
{
	const struct kind *kind = sight->kind;
	struct trial_row *row = &sight->row;

	row->made = truth->count[kind->storm];
	if (truth->error[kind->storm] && !*row->reason)
		snprintf(row->reason, sizeof(row->reason), "only %lu could be made: %s",
			 (unsigned long)row->made, strerror(truth->error[kind->storm]));
	for (size_t i = 0; i < sight->numbers.len; i++) {
		bool is_right = !kind->key ? row->seen < row->made
					   : happened(truth, kind->storm, sight->numbers.data[i]) &&
						     is_first(sight, i);

		row->seen += is_right;
		row->wrong += !is_right;
	}
	if (!sight->delays.len)
		return;
	qsort(sight->delays.data, sight->delays.len, sizeof(uint64_t), by_value);
	row->delay_p50_ns = sight->delays.data[(sight->delays.len - 1) / 2];
	row->delay_p99_ns = sight->delays.data[(sight->delays.len - 1) * 99 / 100];
}

/* Collectors that the kinds need, each once; closed by NULL. */
static void choose(struct selftest *test, const struct collector **chosen)
{
	size_t count = 0;

	for (size_t i = 0; i < array_len(kinds); i++) {
		const struct collector *collector = collector_find(kinds[i].collector);
		bool is_new = collector != NULL;

		test->sights[i].kind = &kinds[i];
		test->sights[i].row.collector = kinds[i].collector;
		test->sights[i].row.event = kinds[i].event;
		test->sights[i].row.failed = !collector;
		if (!collector)
			snprintf(test->sights[i].row.reason, sizeof(test->sights[i].row.reason),
				 "there is no collector of that name");
		for (size_t j = 0; j < count; j++)
			is_new &= chosen[j] != collector;
		if (is_new)
			chosen[count++] = collector;
	}
	chosen[count] = NULL;
}

/* A collector that could not be loaded is noted in the coverage as "NAME: why". */
static void note_failures(struct selftest *test)
{
	for (size_t i = 0; i < array_len(kinds); i++)
		vec_each(text, &test->trial->coverage.not_measured) {
			size_t len = strlen(kinds[i].collector);
			struct trial_row *row = &test->sights[i].row;

			if (strncmp(*text, kinds[i].collector, len) != 0 || (*text)[len] != ':')
				continue;
			row->failed = true;
			snprintf(row->reason, sizeof(row->reason), "%s", *text + len + 2);
		}
}

static int run(struct selftest *test, uint32_t count, const struct engine_request *request)
{
	own(fd_closep) int release = -1;
	int err = storm_begin(&test->storm, count, &release);

	test->storm_pid = test->storm.pid;
	err = err ?: engine_open(request, &test->trial->coverage, &test->engine);
	err = err ?: engine_start(test->engine);
	if (err)
		return err;
	note_failures(test);
	err = watch_storm(test, release);
	for (size_t i = 0; !err && i < array_len(kinds); i++) {
		judge(&test->sights[i], test->storm.truth);
		err = vec_push(&test->trial->rows, test->sights[i].row);
	}
	return err;
}

int selftest_run(uint32_t count, struct trial *trial)
{
	struct selftest test = { .trial = trial };
	const struct collector *chosen[array_len(kinds) + 1];
	struct engine_request request = {
		.collectors = chosen,
		.interval_ns = NS_PER_S,
		.knobs = knobs,
		.knob_count = array_len(knobs),
	};
	int err;

	choose(&test, chosen);
	err = run(&test, count, &request);
	engine_close(test.engine);
	storm_done(&test.storm);
	for (size_t i = 0; i < array_len(kinds); i++) {
		vec_done(&test.sights[i].numbers);
		vec_done(&test.sights[i].delays);
	}
	return err;
}
