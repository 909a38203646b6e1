/* SPDX-License-Identifier: MIT */
/* speedscope.c - a file for speedscope.app: one "sampled" profile per thread, in nanoseconds.
 *
 * Format: https://www.speedscope.app/file-format-schema.json, version 0.0.1.
 *
 * All threads share one time axis, from the start of the recording to its end: a sample stands for
 * the weight before its instant, and where a thread was not seen running stands an empty stack,
 * which speedscope leaves blank and out of its percentages.  A gap shorter than half a sample is
 * jitter of the sampling, not rest, and is closed.  The weights of all stacks that are not empty
 * add up to the time of the samples.
 */
#include "base/json.h"
#include "report/keys.h"
#include "report/names.h"
#include "report/timeline.h"
#include "ship/sinks.h"
#include "ship/texts.h"

#define SCHEMA "https://www.speedscope.app/file-format-schema.json"

struct speedscope {
	const struct profile *profile;
	struct json json;
	struct timeline timeline;
	struct texts texts;
	struct keys functions;   /* (name, module, source): strings; the frames of the format */
	uint32_t *name_function; /* by number of a profile's name */
	uint32_t unknown;        /* the function of an empty stack */
	struct path path;
};

static int add_function(struct speedscope *speedscope, const struct name *name,
			uint32_t *ret_function)
{
	struct key key = { { name->function, name->module, name->source } };

	return keys_add(&speedscope->functions, &key, ret_function);
}

static int add_functions(struct speedscope *speedscope)
{
	const struct profile *profile = speedscope->profile;
	static const struct name nothing;
	struct name spare;
	int err = add_function(speedscope, &nothing, &speedscope->unknown);

	speedscope->name_function = calloc(profile->names.len + 1, sizeof(uint32_t));
	if (!speedscope->name_function)
		return -ENOMEM;
	for (size_t i = 0; i < profile->names.len && !err; i++)
		err = add_function(speedscope, &profile->names.data[i],
				   &speedscope->name_function[i]);
	vec_each(frame, &profile->frames) {
		const struct name *names;
		uint32_t function;

		names_of(profile, frame, &spare, &names);
		if (names == &spare && !err)
			err = add_function(speedscope, names, &function);
	}
	return err;
}

/* Foreign text as it may be shown. */
static void put_text(struct speedscope *speedscope, const char *key, const char *text)
{
	json_text(&speedscope->json, key,
		  texts_get(&speedscope->texts, texts_add(&speedscope->texts, text)));
}

static void put_functions(struct speedscope *speedscope)
{
	const struct profile *profile = speedscope->profile;
	struct json *json = &speedscope->json;

	json_object(json, "shared");
	json_array(json, "frames");
	vec_each(key, &speedscope->functions.list) {
		uint32_t file = key->part[2] ?: key->part[1];

		json_object(json, NULL);
		put_text(speedscope, "name", names_text(profile, key->part[0]));
		if (file)
			put_text(speedscope, "file", profile_text(profile, file));
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}

/* One element of "samples": the functions of a stack, root first. */
static int put_stack(struct speedscope *speedscope, uint32_t stack)
{
	const struct profile *profile = speedscope->profile;
	struct json *json = &speedscope->json;
	int err = path_load(&speedscope->path, profile, stack);

	if (err)
		return err;
	json_array(json, NULL);
	if (!stack)
		json_u64(json, NULL, speedscope->unknown);
	vec_each(at, &speedscope->path.frames) {
		const struct name *names;
		struct name spare;
		uint32_t function;
		uint32_t count = names_of(profile, &profile->frames.data[*at], &spare, &names);

		for (uint32_t i = 0; i < count && !err; i++) {
			if (names == &spare)
				err = add_function(speedscope, names, &function);
			else
				function =
					speedscope->name_function[&names[i] - profile->names.data];
			if (!err)
				json_u64(json, NULL, function);
		}
	}
	json_array_end(json);
	return err;
}

static const struct moment *moment_at(const struct speedscope *speedscope,
				      const struct timeline_thread *thread, size_t i)
{
	if (i >= thread->count)
		return NULL;
	return &speedscope->profile->moments.data[speedscope->timeline.moments[thread->first + i]];
}

/* Walks a thread's samples twice: once for "samples", once for the "weights" beside them. */
static int put_samples(struct speedscope *speedscope, const struct timeline_thread *thread,
		       bool weights, uint64_t *ret_end_ns)
{
	const struct profile *profile = speedscope->profile;
	struct json *json = &speedscope->json;
	uint64_t cursor = 0;
	int err = 0;

	json_array(json, weights ? "weights" : "samples");
	for (size_t i = 0; i <= thread->count && !err; i++) {
		const struct moment *moment = moment_at(speedscope, thread, i);
		uint64_t weight = moment ? moment->weight_ns : 0, begin = profile->duration_ns;

		if (moment)
			begin = moment->at_mono_ns - profile->started_mono_ns;
		begin = begin > weight ? begin - weight : 0;
		if (begin > cursor + weight / 2) {
			if (weights) {
				json_u64(json, NULL, begin - cursor);
			} else {
				json_array(json, NULL);
				json_array_end(json);
			}
			cursor = begin;
		}
		if (!moment)
			break;
		if (weights)
			json_u64(json, NULL, weight);
		else
			err = put_stack(speedscope, moment->stack);
		cursor += weight;
	}
	json_array_end(json);
	*ret_end_ns = cursor;
	return err;
}

static int put_thread(struct speedscope *speedscope, const struct timeline_thread *thread)
{
	const struct profile *profile = speedscope->profile;
	struct json *json = &speedscope->json;
	own(freep) char *name = NULL;
	uint64_t end_ns = 0;
	int err;

	if (asprintf(&name, "%s (pid %u, tid %u)", profile_text(profile, thread->name),
		     profile->processes.data[thread->process].pid, thread->tid) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	json_object(json, NULL);
	json_text(json, "type", "sampled");
	put_text(speedscope, "name", name);
	json_text(json, "unit", "nanoseconds");
	err = put_samples(speedscope, thread, false, &end_ns);
	err = err ?: put_samples(speedscope, thread, true, &end_ns);
	json_u64(json, "startValue", 0);
	json_u64(json, "endValue", end_ns);
	json_object_end(json);
	return err;
}

/* The thread that a reader wants to see first: the one with the most time. */
static uint64_t busiest_thread(const struct speedscope *speedscope)
{
	const struct timeline *timeline = &speedscope->timeline;
	uint64_t most = 0, found = 0;

	for (size_t i = 0; i < timeline->threads.len; i++) {
		const struct timeline_thread *thread = &timeline->threads.data[i];
		uint64_t sum = 0;

		for (size_t j = 0; j < thread->count; j++)
			sum += moment_at(speedscope, thread, j)->weight_ns;
		if (sum > most) {
			most = sum;
			found = i;
		}
	}
	return found;
}

static int put_file(struct speedscope *speedscope, const char *title)
{
	struct json *json = &speedscope->json;
	int err = 0;

	json_object(json, NULL);
	json_text(json, "$schema", SCHEMA);
	json_text(json, "exporter", "kymo@" KYMO_VERSION);
	put_text(speedscope, "name", title ?: "kymo profile");
	json_u64(json, "activeProfileIndex", busiest_thread(speedscope));
	put_functions(speedscope);
	json_array(json, "profiles");
	vec_each(thread, &speedscope->timeline.threads) {
		err = put_thread(speedscope, thread);
		if (err)
			break;
	}
	json_array_end(json);
	json_object_end(json);
	putc('\n', json->out);
	return err;
}

static int speedscope_end(struct sink_target *target)
{
	struct speedscope speedscope = { .profile = target->profile };
	int err = timeline_build(&speedscope.timeline, target->profile);

	err = texts_init(&speedscope.texts, target->profile) ?: err;
	err = err ?: add_functions(&speedscope);
	json_begin(&speedscope.json, target->out, false);
	err = err ?: put_file(&speedscope, target->options.title);
	err = err ?: speedscope.texts.err;
	texts_done(&speedscope.texts);
	timeline_done(&speedscope.timeline);
	keys_done(&speedscope.functions);
	path_done(&speedscope.path);
	free(speedscope.name_function);
	return err;
}

const struct sink ship_speedscope = {
	.name = "speedscope",
	.help = "one timeline per thread, for speedscope.app",
	.suffix = "speedscope.json",
	.every_sample = true,
	.end = speedscope_end,
};
