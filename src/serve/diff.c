/* SPDX-License-Identifier: MIT */
/* diff.c - two spans of time, or two processes, as one tree: each node with its time before and after.
 *
 *     "nodes": [[parent, function, before_ns, after_ns, self_before_ns, self_after_ns,
 *                rest_nodes, rest_before_ns, rest_after_ns], ...]
 *
 * Built as a flame tree whose `samples` are the nanoseconds before and whose `ns` are those after.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "serve/answers.h"
#include "serve/call_tree.h"
#include "serve/group.h"
#include "serve/profiles.h"
#include "serve/rows.h"
#include "serve/span.h"

const struct query_parameter diff_parameters[] = {
	SAMPLES_PARAMETERS,
	{ "base_start",
	  "of the span before; as long before 'start' if left out; -15m counts from 'start'",
	  "string" },
	{ "base_end", "its end; 'start' if left out", "string" },
	{ "base_pid", "processes before; 'pid' if left out", "string" },
	{ "base_comm", "name before; 'comm' if left out", "string" },
	{ "min_share", "percent of the whole: what is lighter in both is left out", "number" },
	GROUP_PARAMETER,
	{ 0 },
};

static void put_span(struct json *json, const char *key, const struct profile_query *query,
		     const struct profile_span *span)
{
	json_object(json, key);
	rows_put_instant(json, "start", query->start_unix_ns);
	rows_put_instant(json, "end", query->end_unix_ns);
	rows_put_u64(json, "covered_ns", span->covered_ns);
	json_u64(json, "samples", span->samples);
	rows_put_u64(json, "total_ns", span->weight_ns);
	rows_put_lost(json, span->lost);
	json_object_end(json);
}

struct diff {
	const struct flame *flame;
	double least[2]; /* nanoseconds before and after */
	uint32_t *functions, *order, *numbers;
	uint32_t count, next;
};

static bool is_light(const struct diff *diff, uint32_t node)
{
	const struct flame_node *at = &diff->flame->nodes.data[node];

	return (double)at->samples < diff->least[0] && (double)at->ns < diff->least[1];
}

/* The node behind this one and all below it. */
static uint32_t behind(const struct flame *flame, uint32_t node)
{
	const struct flame_node *nodes = flame->nodes.data;

	while (node && !nodes[node].next)
		node = nodes[node].parent;
	return node ? nodes[node].next : 0;
}

static uint32_t count_below(const struct flame *flame, uint32_t node)
{
	uint32_t end = behind(flame, node), count = 0;

	for (uint32_t at = node; at && at != end; at = flame_next(flame, at))
		count++;
	return count;
}

static void put_node(struct json *json, struct diff *diff, uint32_t node)
{
	const struct flame *flame = diff->flame;
	const struct flame_node *at = &flame->nodes.data[node];
	uint64_t rest[3] = { 0 };

	for (uint32_t child = at->first_child; child; child = flame->nodes.data[child].next)
		if (is_light(diff, child)) {
			rest[0] += count_below(flame, child);
			rest[1] += flame->nodes.data[child].samples;
			rest[2] += flame->nodes.data[child].ns;
		}
	if (node && !diff->functions[at->function]) {
		diff->order[diff->count++] = at->function;
		diff->functions[at->function] = diff->count;
	}
	diff->numbers[node] = diff->next++;
	json_array(json, NULL);
	json_u64(json, NULL, diff->numbers[at->parent]);
	json_u64(json, NULL, node ? diff->functions[at->function] - 1 : 0);
	json_u64(json, NULL, at->samples);
	json_u64(json, NULL, at->ns);
	json_u64(json, NULL, at->self_samples);
	json_u64(json, NULL, at->self_ns);
	for (size_t i = 0; i < array_len(rest); i++)
		json_u64(json, NULL, rest[i]);
	json_array_end(json);
}

static void set_least(struct diff *diff, double min_share)
{
	const struct flame_node *root = diff->flame->nodes.data;

	/* Of a side without samples all is light. */
	diff->least[0] = root->samples ? min_share / 100 * (double)root->samples : min_share > 0;
	diff->least[1] = root->ns ? min_share / 100 * (double)root->ns : min_share > 0;
}

static size_t count_heavy(const struct diff *diff)
{
	uint32_t node = 0;
	size_t count = 0;

	do {
		bool is_out = node && is_light(diff, node);

		count += !is_out;
		node = is_out ? behind(diff->flame, node) : flame_next(diff->flame, node);
	} while (node);
	return count;
}

/* Beyond the ceiling of nodes more is left out.  Return: the share in percent that it came to */
static double trim(const struct flame *flame, double min_share)
{
	struct diff diff = { .flame = flame };

	for (set_least(&diff, min_share);
	     min_share < 100 && count_heavy(&diff) > CALL_TREE_MAX_NODES;
	     set_least(&diff, min_share))
		min_share = min_share > 0 ? min_share * 2 : CALL_TREE_SHARE_PCT / 16;
	return min_share;
}

static int put_nodes(struct json *json, const struct flame *flame, double min_share)
{
	own(freep) uint32_t *functions = calloc(flame->functions.len + 1, sizeof(uint32_t));
	own(freep) uint32_t *order = calloc(flame->functions.len + 1, sizeof(uint32_t));
	own(freep) uint32_t *numbers = calloc(flame->nodes.len, sizeof(uint32_t));
	struct diff diff = {
		.flame = flame, .functions = functions, .order = order, .numbers = numbers
	};
	uint32_t node = 0;

	if (!functions || !order || !numbers)
		return -ENOMEM;
	set_least(&diff, min_share);
	json_array(json, "nodes");
	do {
		bool is_out = node && is_light(&diff, node);

		if (!is_out)
			put_node(json, &diff, node);
		node = is_out ? behind(flame, node) : flame_next(flame, node);
	} while (node);
	json_array_end(json);
	call_tree_put_functions(json, flame, order, diff.count);
	return 0;
}

static int write_diff(const struct profile *profile, const struct profile_query *queries,
		      const struct profile_span *spans, double min_share, enum group group,
		      struct response *response)
{
	struct flame flame = { 0 };
	struct json json;
	FILE *out = NULL;
	int err = flame_build(&flame, profile, group != GROUP_NONE, false);

	if (!err) {
		flame_sort(&flame, FLAME_BY_NAME);
		min_share = trim(&flame, min_share);
		out = response_open_object(response, 200, &json);
		err = out ? 0 : -ENOMEM;
	}
	if (!err) {
		json_text(&json, "kind", profile_kinds[queries[1].time]);
		put_span(&json, "before", &queries[0], &spans[0]);
		put_span(&json, "after", &queries[1], &spans[1]);
		json_double(&json, "min_share", min_share);
		err = put_nodes(&json, &flame, min_share);
		err = response_close_object(response, &json, out) ?: err;
	}
	flame_done(&flame);
	return err;
}

/* What is not said of the span before is as of the one after. */
static int read_base(const struct request *request, const struct profile_query *after,
		     struct profile_query *before)
{
	const char *pids = request_parameter(request, "base_pid");
	uint64_t length = after->end_unix_ns - after->start_unix_ns;
	int err;

	*before = *after;
	before->comm = request_parameter(request, "base_comm") ?: after->comm;
	err = pids ? span_read_pids(pids, before) : 0;
	if (!request_parameter(request, "base_start") && !request_parameter(request, "base_end")) {
		/* Another process in the same span, or the same one in the span before. */
		if (pids || request_parameter(request, "base_comm"))
			return err;
		before->end_unix_ns = after->start_unix_ns;
		before->start_unix_ns =
			after->start_unix_ns > length ? after->start_unix_ns - length : 0;
		return err;
	}
	return err
		       ?: span_read(request, "base_", after->start_unix_ns, &before->start_unix_ns,
				    &before->end_unix_ns);
}

int answer_diff(struct api *api, const struct request *request, struct response *response)
{
	struct profile_query queries[2] = { 0 };
	struct profile_span spans[2] = { 0 };
	own(profile_freep) struct profile *profile = NULL;
	struct store_reader *reader;
	double min_share = CALL_TREE_SHARE_PCT;
	struct profile_query both = { 0 }; /* from the earlier start on */
	enum group group = GROUP_COMM;
	int err = span_check_parameters(request, diff_parameters);

	err = err ?: span_read_samples(request, &queries[1]);
	err = err ?: read_base(request, &queries[1], &queries[0]);
	err = err ?: group_read(request, &group);
	err = err ?: span_min_share(request, &min_share);
	err = err ?: api_reader(api, &reader);
	err = err ?: profile_read_pair(reader, queries, spans, &profile);
	both.start_unix_ns = queries[0].start_unix_ns < queries[1].start_unix_ns
				     ? queries[0].start_unix_ns
				     : queries[1].start_unix_ns;
	err = err ?: group_apply(profile, group, reader, &both);
	return err ?: write_diff(profile, queries, spans, min_share, group, response);
}
