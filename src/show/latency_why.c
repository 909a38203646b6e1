/* SPDX-License-Identifier: MIT */
#include "show/latency_why.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "model/account.h"
#include "report/names.h"
#include "show/format.h"
#include "show/latency_args.h"
#include "show/latency_json.h"

#define SHOWN_CALLS  10
#define SHOWN_FRAMES 12 /* of a stack, leaf first */

static const char *words_of(uint8_t reason)
{
	return reason == BLOCK_NONE ? "running" : reason_names[reason].words;
}

static void put_share(FILE *out, const char *what, uint64_t ns, uint64_t whole,
		      const char **between)
{
	if (!ns)
		return;
	fprintf(out, "%s%s %s", *between, what, format_ns(ns).text);
	if (whole)
		fprintf(out, " (%s)", format_pct(100.0 * (double)ns / (double)whole).text);
	*between = ", ";
}

/* The parts of a time, in the order of reasons. */
static void put_parts(FILE *out, const struct latency_slow *slow, uint64_t whole)
{
	const char *between = "";

	put_share(out, "running", slow->running_ns, whole, &between);
	put_share(out, "waiting for a CPU", slow->runq_ns, whole, &between);
	for (unsigned i = 1; i <= BLOCK_UNSEEN; i++)
		put_share(out, reason_names[i].words, slow->blocked_ns[i], whole, &between);
	putc('\n', out);
}

/* "__lll_lock_wait < lock < work", from the leaf on; the kernel's part only where there is no other. */
static int put_stack(FILE *out, const struct profile *profile, uint32_t stack)
{
	struct path path = { 0 };
	int err = path_load(&path, profile, stack);
	unsigned shown = 0;

	for (size_t i = path.kernel ?: path.frames.len; !err && i-- > 0;) {
		const struct name *names;
		struct name spare;
		uint32_t count = names_of(profile, &profile->frames.data[path.frames.data[i]],
					  &spare, &names);

		for (uint32_t j = count; j-- > 0 && shown < SHOWN_FRAMES; shown++) {
			fputs(shown ? " < " : "", out);
			text_put_plain(out, names_text(profile, names[j].function));
		}
	}
	putc('\n', out);
	path_done(&path);
	return err;
}

static int put_slow(FILE *out, const struct latency_why *why, const struct latency_slow *slow)
{
	int err = 0;

	fprintf(out, "\n%s in ", format_ns(slow->call.took_ns).text);
	text_put_plain(out, slow->call.http ? slow->call.http->request : slow->call.function->name);
	fprintf(out, " (PID: %u, TID: %u)", slow->call.pid, slow->call.tid);
	latency_args_text(out, slow->call.arguments);
	fputs(": ", out);
	if (slow->call.http && slow->call.http->queue_ns != LATENCY_NONE)
		fprintf(out, "queue %s; service: ", format_ns(slow->call.http->queue_ns).text);
	if (slow->not_divided) {
		fprintf(out, "not divided, as %s\n", slow->not_divided);
		return 0;
	}
	put_parts(out, slow, slow->ended_mono_ns - slow->began_mono_ns);
	for (size_t i = 0; !err && i < slow->stack_count; i++) {
		fprintf(out, "  %9s %s: ", format_ns(slow->stacks[i].ns).text,
			words_of(slow->stacks[i].reason));
		err = put_stack(out, why->profile, slow->stacks[i].stack);
	}
	return err;
}

static void add(struct latency_slow *sum, const struct latency_slow *slow)
{
	if (slow->not_divided)
		return;
	sum->running_ns += slow->running_ns;
	sum->runq_ns += slow->runq_ns;
	for (unsigned i = 1; i <= BLOCK_UNSEEN; i++)
		sum->blocked_ns[i] += slow->blocked_ns[i];
	sum->call.took_ns += slow->ended_mono_ns - slow->began_mono_ns;
}

int latency_why_text(struct latency_target *target, const struct latency_why *why)
{
	struct latency_slow sum = { 0 };
	FILE *out = target->out;
	int err = 0;

	for (size_t i = 0; i < why->count; i++)
		add(&sum, &why->calls[i]);
	if (why->slowest)
		fprintf(out, "\nthe slowest %u of each in each interval, %s altogether",
			why->slowest, format_count(why->count).text);
	else
		fprintf(out, "\n%s above %s", format_count(why->total).text,
			format_ns(why->slower_ns).text);
	if (!why->slowest && why->count < why->total)
		fprintf(out, ", of which the slowest %s were kept", format_count(why->count).text);
	if (sum.call.took_ns) {
		fputs(": ", out);
		put_parts(out, &sum, sum.call.took_ns);
	} else {
		putc('\n', out);
	}
	for (size_t i = 0; !err && i < why->count && i < SHOWN_CALLS; i++)
		err = put_slow(out, why, &why->calls[i]);
	return err;
}

static int put_json_stack(struct json *json, const struct profile *profile,
			  const struct latency_stack *stack)
{
	struct path path = { 0 };
	int err = path_load(&path, profile, stack->stack);

	json_object(json, NULL);
	json_text(json, "reason", stack->reason ? reason_names[stack->reason].key : "running");
	json_u64(json, "ns", stack->ns);
	json_array(json, "frames");
	for (size_t i = path.frames.len; !err && i-- > 0;) {
		const struct name *names;
		struct name spare;
		uint32_t count = names_of(profile, &profile->frames.data[path.frames.data[i]],
					  &spare, &names);

		for (uint32_t j = count; j-- > 0;)
			json_text(json, NULL, names_text(profile, names[j].function));
	}
	json_array_end(json);
	json_object_end(json);
	path_done(&path);
	return err;
}

static void put_json_parts(struct json *json, const struct latency_slow *slow)
{
	json_u64(json, "divided_ns", slow->ended_mono_ns - slow->began_mono_ns);
	json_u64(json, "running_ns", slow->running_ns);
	json_u64(json, "runq_ns", slow->runq_ns);
	json_object(json, "blocked_ns");
	for (unsigned i = 1; i <= BLOCK_UNSEEN; i++)
		if (slow->blocked_ns[i])
			json_u64(json, reason_names[i].key, slow->blocked_ns[i]);
	json_object_end(json);
}

int latency_slow_json(struct json *json, const struct profile *profile,
		      const struct latency_slow *slow)
{
	int err = 0;

	json_text(json, "slow", slow->call.function->name);
	if (slow->call.http)
		json_text(json, "request", slow->call.http->request);
	json_u64(json, "took_ns", slow->call.took_ns);
	json_u64(json, "pid", slow->call.pid);
	json_u64(json, "tid", slow->call.tid);
	latency_args_json(json, slow->call.arguments);
	if (slow->call.http && slow->call.http->queue_ns != LATENCY_NONE)
		json_u64(json, "queue_ns", slow->call.http->queue_ns);
	if (slow->not_divided) {
		json_text(json, "not_divided", slow->not_divided);
	} else if (slow->is_divided) {
		put_json_parts(json, slow);
	}
	if (profile && slow->is_divided) {
		json_array(json, "stacks");
		for (size_t i = 0; !err && i < slow->stack_count; i++)
			err = put_json_stack(json, profile, &slow->stacks[i]);
		json_array_end(json);
	}
	return err;
}

static int put_json_slow(struct latency_target *target, const struct latency_why *why,
			 const struct latency_slow *slow)
{
	struct json json;
	int err;

	json_begin(&json, target->out, false);
	json_object(&json, NULL);
	json_u64(&json, "time_unix_ns", slow->call.at_mono_ns + target->unix_offset_ns);
	err = latency_slow_json(&json, why->profile, slow);
	json_object_end(&json);
	putc('\n', target->out);
	return err;
}

int latency_why_json(struct latency_target *target, const struct latency_why *why)
{
	int err = 0;

	for (size_t i = 0; !err && i < why->count; i++)
		err = put_json_slow(target, why, &why->calls[i]);
	return err;
}
