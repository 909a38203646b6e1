/* SPDX-License-Identifier: MIT */
/* json.c - one JSON object a line: every sample as it comes, and a summary at the end.
 *
 *     {"kind":"sample","at_unix_ns":N,"pid":N,"tid":N,"comm":"...","cpu":N,"weight_ns":N,
 *      "user":[FRAME,...],"kernel":[FRAME,...]}
 *
 * weight_ns is the time that the sample stands for.  Frames stand root first; an inlined function
 * is an object of its own, behind the one that it was inlined into.  FRAME:
 *
 *     function      the name; "[module+0x...]" where none was found, "[...]" for a mark
 *     module        base name of the file, "[kernel]", "[jit]"; absent where there is none
 *     source, line  path and line; absent where unknown
 *     inlined       true, or absent
 *     file_offset   of the instruction in the module's file, bytes (user frames from a file)
 *     address       virtual address (kernel frames, and user frames that no file backs)
 *
 * Instructions are return addresses except in the leaf.  The last line:
 *
 *     {"kind":"summary","title":"...","started_unix_ns":N,"duration_ns":N,"rate_hz":N,"cpus":N,
 *      "samples":N,"weight_ns":N,"lost":N,
 *      "coverage":{"mode":"...","lost":[{"kind":"...","count":N,"first_unix_ns":N,
 *      "last_unix_ns":N},...],"not_measured":["...",...]},
 *      "stack_quality":{"user_stacks":N,"complete":N,"reasons":{"REASON":N,...}}}
 *
 * stack_quality is absent where it is not known: with frame pointers alone.
 *
 * All numbers are whole; those in ns may exceed 2^53.  Keys may be added, none changes its meaning.
 */
#include "base/json.h"

#include <string.h>

#include "report/names.h"
#include "show/sinks.h"

static uint64_t unix_ns(const struct profile *profile, uint64_t mono_ns)
{
	return mono_ns + profile->started_unix_ns - profile->started_mono_ns;
}

static void put_name(struct json *json, const struct profile *profile, const struct frame *frame,
		     const struct name *name)
{
	const char *module = profile_text(profile, name->module);
	const char *source = profile_text(profile, name->source);

	json_object(json, NULL);
	json_text(json, "function", names_text(profile, name->function));
	if (*module)
		json_text(json, "module", module);
	if (*source)
		json_text(json, "source", source);
	if (name->line)
		json_u64(json, "line", name->line);
	if (name->is_inlined)
		json_bool(json, "inlined", true);
	if (frame->kind == FRAME_USER)
		json_u64(json, "file_offset", frame->address);
	else if (frame->kind != FRAME_MARK)
		json_u64(json, "address", frame->address);
	json_object_end(json);
}

static void put_frames(struct json *json, const char *key, const struct profile *profile,
		       const uint32_t *frames, size_t count)
{
	json_array(json, key);
	for (size_t i = 0; i < count; i++) {
		const struct frame *frame = &profile->frames.data[frames[i]];
		const struct name *names;
		struct name spare;
		uint32_t name_count = names_of(profile, frame, &spare, &names);

		for (uint32_t j = 0; j < name_count; j++)
			put_name(json, profile, frame, &names[j]);
	}
	json_array_end(json);
}

static void put_sample(FILE *out, const struct profile *profile, const struct moment *moment,
		       const struct path *path)
{
	const struct task *task = &profile->tasks.data[moment->task];
	struct json json;

	json_begin(&json, out, false);
	json_object(&json, NULL);
	json_text(&json, "kind", "sample");
	json_u64(&json, "at_unix_ns", unix_ns(profile, moment->at_mono_ns));
	json_u64(&json, "pid", profile->processes.data[task->process].pid);
	json_u64(&json, "tid", task->tid);
	json_text(&json, "comm", profile_text(profile, task->name));
	json_u64(&json, "cpu", moment->cpu);
	json_u64(&json, "weight_ns", moment->weight_ns);
	put_frames(&json, "user", profile, path->frames.data, path->kernel);
	put_frames(&json, "kernel", profile, path->frames.data + path->kernel,
		   path->frames.len - path->kernel);
	json_object_end(&json);
	putc('\n', out);
}

static void put_coverage(struct json *json, const struct profile *profile)
{
	json_object(json, "coverage");
	json_text(json, "mode", profile->coverage.mode ?: "");
	json_array(json, "lost");
	vec_each(loss, &profile->coverage.lost) {
		json_object(json, NULL);
		json_text(json, "kind", loss->kind);
		json_u64(json, "count", loss->count);
		json_u64(json, "first_unix_ns", unix_ns(profile, loss->first_mono_ns));
		json_u64(json, "last_unix_ns", unix_ns(profile, loss->last_mono_ns));
		json_object_end(json);
	}
	json_array_end(json);
	json_array(json, "not_measured");
	vec_each(what, &profile->coverage.not_measured)
		json_text(json, NULL, *what);
	json_array_end(json);
	json_object_end(json);
}

static void put_quality(struct json *json, const struct profile *profile)
{
	const struct quality *quality = &profile->quality;

	json_object(json, "stack_quality");
	json_u64(json, "user_stacks", quality->user_stacks);
	json_u64(json, "complete", quality->whole);
	json_object(json, "reasons");
	for (size_t i = 0; i < quality->gaps.len; i++) {
		const char *reason = quality->gaps.data[i].reason;
		bool is_first = true;

		for (size_t before = 0; before < i; before++)
			is_first &= strcmp(quality->gaps.data[before].reason, reason) != 0;
		if (is_first)
			json_u64(json, reason, quality_of(quality, reason));
	}
	json_object_end(json);
	json_object_end(json);
}

static void put_summary(FILE *out, const struct profile *profile, const char *title)
{
	struct json json;

	json_begin(&json, out, false);
	json_object(&json, NULL);
	json_text(&json, "kind", "summary");
	if (title)
		json_text(&json, "title", title);
	json_u64(&json, "started_unix_ns", profile->started_unix_ns);
	json_u64(&json, "duration_ns", profile->duration_ns);
	json_u64(&json, "rate_hz", profile->rate_hz);
	json_u64(&json, "cpus", profile->cpus);
	json_u64(&json, "samples", profile->samples);
	json_u64(&json, "weight_ns", profile->weight_ns);
	json_u64(&json, "lost", coverage_lost(&profile->coverage));
	put_coverage(&json, profile);
	if (profile->quality.is_known)
		put_quality(&json, profile);
	json_object_end(&json);
	putc('\n', out);
}

static int json_sink_begin(struct sink_target *target)
{
	target->state = calloc(1, sizeof(struct path));
	return target->state ? 0 : -ENOMEM;
}

static int json_sink_moments(struct sink_target *target, size_t first, size_t count)
{
	const struct profile *profile = target->profile;
	struct path *path = target->state;

	for (size_t i = first; i < first + count; i++) {
		const struct moment *moment = &profile->moments.data[i];
		int err = path_load(path, profile, moment->stack);

		if (err)
			return err;
		put_sample(target->out, profile, moment, path);
	}
	return 0;
}

static int json_sink_end(struct sink_target *target)
{
	put_summary(target->out, target->profile, target->options.title);
	path_done(target->state);
	free(target->state);
	target->state = NULL;
	return 0;
}

const struct sink show_json = {
	.name = "json",
	.help = "one JSON object per sample and line, a summary as the last line",
	.suffix = "jsonl",
	.other_suffix = "json",
	.every_sample = true,
	.is_live = true,
	.begin = json_sink_begin,
	.moments = json_sink_moments,
	.end = json_sink_end,
};
