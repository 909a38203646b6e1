/* SPDX-License-Identifier: MIT */
#include "model/latency.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "model/histogram.h"

static uint64_t middle_of(uint32_t bucket)
{
	uint64_t low = buckets_low(CALL_BITS, bucket);
	uint64_t next = buckets_low(CALL_BITS, bucket + 1);

	return low + (next - 1 - low) / 2;
}

const struct latency_cpu_reason latency_cpu_reasons[HTTP_CPU_STATES] = {
	[HTTP_CPU_KNOWN] = { "known", "" },
	[HTTP_CPU_OFF] = { "no_samples", "no samples are taken here" },
	[HTTP_CPU_STRANGER] = { "new_process", "the program of the server was not known yet" },
	[HTTP_CPU_ODD] = { "no_goroutine", "which goroutine runs in its server cannot be told" },
	[HTTP_CPU_SHARED] = { "shared", "who served it had others at the same time" },
	[HTTP_CPU_MOVED] = { "moved", "another thread or goroutine answered it than read it" },
	[HTTP_CPU_NO_ROOM] = { "no_room", "there were too many threads and goroutines" },
};

bool latency_has_bytes(uint8_t way)
{
	return way == HTTP_WAY_SOCKET;
}

static void read_argument(struct latency_argument *argument, const struct call_arg *arg,
			  const struct call_argument *told)
{
	size_t bytes = told->bytes < CALL_TEXT_BYTES ? told->bytes : CALL_TEXT_BYTES;

	*argument = (struct latency_argument){
		.number = (uint8_t)(arg->word + 1),
		.kind = arg->kind,
		.state = (uint8_t)told->state,
		.value = told->number,
	};
	if (arg->kind == CALL_ARG_INT32)
		argument->value = (uint64_t)(int64_t)(int32_t)told->number;
	if (arg->kind != CALL_ARG_STR && arg->kind != CALL_ARG_GOSTR)
		return;
	memcpy(argument->text, told->text, bytes);
	if (strlen(argument->text) < bytes && argument->state == CALL_ARG_WHOLE)
		argument->state = CALL_ARG_CUT; /* where it has a 0 */
}

void latency_read_arguments(struct latency_arguments *arguments, const struct call_arg *args,
			    size_t count, const struct call_arguments *told)
{
	arguments->count = count < CALL_ARGS_MAX ? count : CALL_ARGS_MAX;
	for (size_t i = 0; i < arguments->count; i++)
		read_argument(&arguments->list[i], &args[i], &told->list[i]);
}

uint64_t latency_quantile(const struct latency_figures *figures, double share)
{
	uint64_t seen = 0, count = 0;

	for (uint32_t i = 0; i < CALL_BUCKETS; i++)
		count += figures->buckets[i];
	if ((1 - share) * (double)count < LATENCY_BEHIND - 1e-6)
		return LATENCY_NONE;
	for (uint32_t i = 0; i < CALL_BUCKETS; i++) {
		uint64_t middle = middle_of(i);

		seen += figures->buckets[i];
		if (!figures->buckets[i] || (double)seen < share * (double)count)
			continue;
		return middle < figures->max_ns ? middle : figures->max_ns;
	}
	return LATENCY_NONE;
}

void latency_count(struct latency_figures *figures, uint64_t took_ns)
{
	uint32_t bucket = buckets_index(CALL_BITS, took_ns);

	figures->buckets[bucket < CALL_BUCKETS ? bucket : CALL_BUCKETS - 1]++;
	figures->calls++;
	figures->sum_ns += took_ns;
	if (took_ns > figures->max_ns)
		figures->max_ns = took_ns;
}

uint64_t latency_errors(const struct latency_row *row)
{
	return row->http ? row->http->statuses[5] : row->figures->cut;
}

void latency_take(struct latency_figures *figures, const volatile struct call_counts *counts,
		  unsigned turn)
{
	*figures = (struct latency_figures){
		.calls = counts->calls,
		.sum_ns = counts->sum_ns,
		.max_ns = counts->max_ns[turn & 1],
		.unseen = counts->unseen,
		.cut = counts->cut,
	};
	for (uint32_t i = 0; i < CALL_COSTS; i++)
		figures->hits += counts->hits[i];
	for (uint32_t i = 0; i < CALL_BUCKETS; i++)
		figures->buckets[i] = counts->buckets[i];
}

void latency_slow_own(struct latency_slow *slow)
{
	if (slow->call.arguments)
		slow->call.arguments = &slow->arguments;
	if (!slow->call.http)
		return;
	slow->http.request = slow->request;
	slow->call.http = &slow->http;
}

int latency_slow_told(const struct latency_sink *sink, struct latency_target *target,
		      struct latency_slow *slow)
{
	return sink->slow ? sink->slow(target, slow) : 0;
}

int latency_flush(const struct latency_target *target)
{
	if (target->out && (fflush(target->out) != 0 || ferror(target->out)))
		return fail(errno ? -errno : -EIO, "cannot write the figures: %m");
	return 0;
}

void latency_add(struct latency_figures *figures, const struct latency_figures *more)
{
	figures->calls += more->calls;
	figures->sum_ns += more->sum_ns;
	figures->unseen += more->unseen;
	figures->cut += more->cut;
	figures->hits += more->hits;
	if (more->max_ns > figures->max_ns)
		figures->max_ns = more->max_ns;
	for (uint32_t i = 0; i < CALL_BUCKETS; i++)
		figures->buckets[i] += more->buckets[i];
}

void latency_subtract(struct latency_figures *figures, const struct latency_figures *before)
{
	figures->calls -= before->calls;
	figures->sum_ns -= before->sum_ns;
	figures->unseen -= before->unseen;
	figures->cut -= before->cut;
	figures->hits -= before->hits;
	for (uint32_t i = 0; i < CALL_BUCKETS; i++)
		figures->buckets[i] -= before->buckets[i];
}
